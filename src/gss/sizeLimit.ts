/** GSS_Wrap_size_limit (RFC 2743 section 2.2.7). */

/**
 * The largest message whose token has at most `tokenOctets`; 0 also when not even an empty one fits.
 * @param wrapLength octets of the token of a message of that many; never less for a longer message
 * @throws RangeError naming `tokenOctets`
 */
export function wrapSizeLimit(tokenOctets: number, wrapLength: (octets: number) => number): number {
  if (!Number.isSafeInteger(tokenOctets) || tokenOctets < 0)
    throw new RangeError('tokenOctets must be a whole number of octets, 0 or more');
  let size = Math.max(0, tokenOctets - (wrapLength(tokenOctets) - tokenOctets));
  // A length of fewer octets may need less framing.
  while (wrapLength(size + 1) <= tokenOctets) size++;
  return size;
}
