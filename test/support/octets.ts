/** Comparing what is large, or ten thousand times: how it differs is found out only where it does. */
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { toHex } from '../../src/bytes.js';

/** Fails with both in hexadecimal digits. */
export function expectOctets(actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) !== 0) expect(toHex(actual)).toBe(toHex(expected));
}

/** `toEqual`, at the speed of Node.js where the values are the same. */
export function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}
