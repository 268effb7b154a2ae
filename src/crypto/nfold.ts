/** n-fold: stretches or shrinks a constant to a given length (RFC 3961 section 5.1). */

/**
 * `input` folded to `length` octets.
 * Copies of the input, each rotated right by 13 bits more than the one before, are laid end to end until their length is
 * a multiple of both lengths; the pieces of `length` octets are then added in ones' complement.
 * @throws RangeError when `input` is empty or `length` is not a positive integer
 */
export function nfold(input: Uint8Array, length: number): Uint8Array {
  if (input.length === 0) throw new RangeError('input must not be empty');
  if (!Number.isSafeInteger(length) || length < 1) throw new RangeError('length must be a positive integer');
  const sum = new Uint8Array(length);
  let carry = 0;
  for (let i = leastCommonMultiple(input.length, length) - 1; i >= 0; i--) {
    carry += sum[i % length]! + rotatedOctet(input, i);
    sum[i % length] = carry & 0xff;
    carry >>= 8;
  }
  for (let i = length - 1; carry > 0; i = (i + length - 1) % length) {
    carry += sum[i]!;
    sum[i] = carry & 0xff;
    carry >>= 8;
  }
  return sum;
}

/** Octet `index` of the endless row of copies, the n-th of them rotated right by 13 n bits. */
function rotatedOctet(input: Uint8Array, index: number): number {
  const bits = input.length * 8;
  const copy = Math.floor(index / input.length);
  const rotation = (13 * copy) % bits;
  const start = ((index % input.length) * 8 - rotation + bits) % bits;
  const first = start >> 3;
  const pair = (input[first]! << 8) | input[(first + 1) % input.length]!;
  return (pair >> (8 - (start & 7))) & 0xff;
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
