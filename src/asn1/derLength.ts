/** Length octets of BER (X.690 section 8.1.3), definite ones of up to 32 bits; whether DER allows them is the caller's to say. */

/** The length at `offset`, and where the contents begin; undefined when it is indefinite, too long or truncated. */
export function readLength(
  octets: Uint8Array,
  offset: number,
): { readonly length: number; readonly begin: number } | undefined {
  const first = octets[offset] ?? 0x80;
  if (first < 0x80) return { length: first, begin: offset + 1 };
  const begin = offset + 1 + (first & 0x7f);
  if (first === 0x80 || first > 0x84 || begin > octets.length) return undefined;
  let length = 0;
  for (let i = offset + 1; i < begin; i++) length = length * 256 + octets[i]!;
  return { length, begin };
}
