/**
 * MD4 (RFC 1320): only for string-to-key of RC4 (RFC 4757 section 2). Collisions are made by hand; no signature and no
 * checksum may be built on it.
 */

/** One of the three rounds: which word of the block each step takes, its rotations, its function and its constant. */
interface Round {
  readonly words: readonly number[];
  readonly rotations: readonly [number, number, number, number];
  readonly constant: number;
  mix(x: number, y: number, z: number): number;
}

// RFC 1320 section 3.4
const ROUNDS: readonly Round[] = [
  {
    words: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    rotations: [3, 7, 11, 19],
    constant: 0,
    mix: (x, y, z) => (x & y) | (~x & z),
  },
  {
    words: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    rotations: [3, 5, 9, 13],
    constant: 0x5a827999,
    mix: (x, y, z) => (x & y) | (x & z) | (y & z),
  },
  {
    words: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    rotations: [3, 9, 11, 15],
    constant: 0x6ed9eba1,
    mix: (x, y, z) => x ^ y ^ z,
  },
];

const BLOCK_LENGTH = 64;

/** The 16 octets of the MD4 digest of `data`. */
export function md4(data: Uint8Array): Uint8Array {
  // RFC 1320 section 3.3
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  const padded = pad(data);
  const view = new DataView(padded.buffer);
  for (let offset = 0; offset < padded.length; offset += BLOCK_LENGTH) addBlock(state, view, offset);
  padded.fill(0);
  const digest = new Uint8Array(16);
  const out = new DataView(digest.buffer);
  for (let i = 0; i < 4; i++) out.setInt32(4 * i, state[i]!, true);
  state.fill(0);
  return digest;
}

/** `data`, a one bit, zeros, and the length in bits, least significant octet first (RFC 1320 sections 3.1 and 3.2). */
function pad(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil((data.length + 9) / BLOCK_LENGTH) * BLOCK_LENGTH);
  padded.set(data);
  padded[data.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, (data.length << 3) >>> 0, true);
  view.setUint32(padded.length - 4, Math.floor(data.length / 2 ** 29), true);
  return padded;
}

function addBlock(state: Int32Array, view: DataView, offset: number): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (const { words, rotations, constant, mix } of ROUNDS) {
    for (let step = 0; step < 16; step++) {
      const word = view.getInt32(offset + 4 * words[step]!, true);
      const sum = (a + mix(b, c, d) + word + constant) | 0;
      const rotation = rotations[step & 3]!;
      [a, b, c, d] = [d, (sum << rotation) | (sum >>> (32 - rotation)), b, c];
    }
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
}
