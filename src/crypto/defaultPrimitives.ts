/** The choice of the crypto provider. */
import { noblePrimitives } from './noble.js';
import { nodePrimitives } from './nodeCrypto.js';
import type { Primitives } from './primitives.js';

let chosen: Primitives | undefined;

/** The crypto provider of this runtime: `node:crypto` where there is one that works, otherwise noble. */
export function defaultPrimitives(): Primitives {
  chosen ??= nodePrimitives() ?? noblePrimitives;
  return chosen;
}
