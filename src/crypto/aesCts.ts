/**
 * AES in CBC mode with ciphertext stealing, over raw CBC (RFC 3962 section 5; CBC-CS3 of the addendum to SP 800-38A).
 * The initial vector is always zero: no message here carries cipher state over. One block is plain CBC; otherwise the last
 * two ciphertext blocks are swapped, even when the last one is whole, and the last is cut to the plaintext's length.
 */
import { wipe } from '../bytes.js';
import { AES_BLOCK_LENGTH, type Primitives, ZERO_IV } from './primitives.js';

/**
 * Encrypts `parts` in order, 16 octets or more together, and leaves room after the ciphertext.
 * @param room octets of unspecified content to append, for the caller's checksum
 * @returns ciphertext as long as the parts, and the room
 * @throws RangeError when the parts have less than 16 octets
 */
export function ctsEncrypt(
  primitives: Primitives,
  key: Uint8Array,
  parts: readonly Uint8Array[],
  room = 0,
): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  requireBlock(length);
  // CBC never looks ahead, so encrypting the room along with the message costs less than a second copy.
  const plaintext = new Uint8Array(wholeBlocks(length + room));
  let offset = 0;
  for (const part of parts) {
    plaintext.set(part, offset);
    offset += part.length;
  }
  const ciphertext = primitives.aesCbcEncrypt(key, ZERO_IV, plaintext);
  wipe(plaintext);
  swapLastBlocks(ciphertext, length);
  return ciphertext.subarray(0, length + room);
}

/**
 * Decrypts what `ctsEncrypt` gave (without room).
 * @throws RangeError when the ciphertext has less than 16 octets
 */
export function ctsDecrypt(primitives: Primitives, key: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  requireBlock(ciphertext.length);
  if (ciphertext.length === AES_BLOCK_LENGTH) return primitives.aesCbcDecrypt(key, ZERO_IV, ciphertext);
  const last = wholeBlocks(ciphertext.length) - AES_BLOCK_LENGTH;
  const finalBlock = ciphertext.subarray(last - AES_BLOCK_LENGTH, last);
  const blocks = new Uint8Array(last + AES_BLOCK_LENGTH);
  blocks.set(ciphertext.subarray(0, last - AES_BLOCK_LENGTH));
  blocks.set(ciphertext.subarray(last), last - AES_BLOCK_LENGTH);
  blocks.set(finalBlock, last);
  if (ciphertext.length === blocks.length) return primitives.aesCbcDecrypt(key, ZERO_IV, blocks);
  return decryptCut(primitives, key, blocks, ciphertext.length);
}

/**
 * Decrypts CBC blocks of which the last but one lacks its end: `length` octets were sent, the final block whole.
 * The plaintext was padded with zeros, so decrypting the final block by itself gives the missing octets. Both decryptions
 * are one stream, which a provider starts only once; the second is then chained to the final block instead of zeros.
 */
function decryptCut(primitives: Primitives, key: Uint8Array, blocks: Uint8Array, length: number): Uint8Array {
  const last = blocks.length - AES_BLOCK_LENGTH;
  const finalBlock = blocks.subarray(last);
  const decrypt = primitives.aesCbcDecrypter(key, ZERO_IV);
  blocks.set(decrypt(finalBlock).subarray(length - last), length - AES_BLOCK_LENGTH);
  const plaintext = decrypt(blocks);
  for (let i = 0; i < AES_BLOCK_LENGTH; i++) plaintext[i]! ^= finalBlock[i]!;
  return plaintext.subarray(0, length);
}

/** Swaps the last two CBC blocks of a message of `length` octets and cuts the one that goes last. */
function swapLastBlocks(ciphertext: Uint8Array, length: number): void {
  const last = wholeBlocks(length) - AES_BLOCK_LENGTH;
  if (last === 0) return;
  const previous = ciphertext.slice(last - AES_BLOCK_LENGTH, last);
  ciphertext.copyWithin(last - AES_BLOCK_LENGTH, last, last + AES_BLOCK_LENGTH);
  ciphertext.set(previous, last);
}

function wholeBlocks(length: number): number {
  return Math.ceil(length / AES_BLOCK_LENGTH) * AES_BLOCK_LENGTH;
}

function requireBlock(length: number): void {
  if (length < AES_BLOCK_LENGTH) {
    throw new RangeError(`data must have at least ${AES_BLOCK_LENGTH} octets, not ${length}`);
  }
}
