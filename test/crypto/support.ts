/** What the crypto tests share: both providers and the vectors. */
import { readFileSync } from 'node:fs';
import { noblePrimitives } from '../../src/crypto/noble.js';
import { nodePrimitives } from '../../src/crypto/nodeCrypto.js';
import type { Primitives } from '../../src/crypto/primitives.js';

const node = nodePrimitives();
if (node === undefined) throw new Error('these tests need node:crypto');

export const nodeProvider: Primitives = node;

/** Every crypto provider, with its name. */
export const providers: readonly (readonly [string, Primitives])[] = [
  ['noble', noblePrimitives],
  ['node', node],
];

/** A file of vectors/. */
export function vectors<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../../vectors/${file}`, import.meta.url), 'utf8')) as T;
}

/** `length` octets that differ from call to call only by `seed`. */
export function octets(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 3)) & 255);
}
