/**
 * Byte-string helpers that every floor uses. No I/O, no Node types.
 */

/**
 * The octets of `text` in UTF-8. The reverse of `utf8Text`: a lone surrogate U+DC80..U+DCFF becomes the octet 80..FF, so
 * names that came in another encoding go back as they came.
 */
export function utf8(text: string): Uint8Array {
  return LONE_SURROGATE.test(text) ? join([...text].map(escapedOctets)) : encoder.encode(text);
}

/**
 * Text of octets that should be UTF-8 (RFC 4120 section 5.2.1 and practice). An octet that is not part of valid UTF-8
 * becomes a lone surrogate U+DC80..U+DCFF, so that nothing is lost and different names stay different.
 */
export function utf8Text(octets: Uint8Array): string {
  try {
    return decoder.decode(octets);
  } catch {
    return escapedText(octets);
  }
}

const LONE_SURROGATE = /\p{Surrogate}/u;

function escapedOctets(character: string): Uint8Array {
  const code = character.charCodeAt(0);
  const escaped = character.length === 1 && code >= 0xdc80 && code <= 0xdcff;
  return escaped ? Uint8Array.of(code & 0xff) : encoder.encode(character);
}

function escapedText(octets: Uint8Array): string {
  let text = '';
  let runStart = 0;
  for (let i = 0; i < octets.length; ) {
    const length = validSequenceLength(octets, i);
    i += length;
    if (length > 0) continue;
    text += decoder.decode(octets.subarray(runStart, i)) + String.fromCharCode(0xdc00 | octets[i]!);
    runStart = ++i;
  }
  return text + decoder.decode(octets.subarray(runStart));
}

/** Length of the valid UTF-8 sequence at `offset`, 0 when there is none (RFC 3629 section 4). */
function validSequenceLength(octets: Uint8Array, offset: number): number {
  const first = octets[offset]!;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || offset + length > octets.length) return 0;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  const second = octets[offset + 1]!;
  if (second < least || second > most) return 0;
  for (let i = 2; i < length; i++) if ((octets[offset + i]! & 0xc0) !== 0x80) return 0;
  return length;
}

/** One array holding all `parts` in order. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return join(parts);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/**
 * Whether both arrays hold the same octets, in a time that depends on the lengths only.
 * The one comparison for checksums and other values that an attacker may probe.
 */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Lower-case hexadecimal digits of `octets`. */
export function toHex(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) text += octet.toString(16).padStart(2, '0');
  return text;
}

/**
 * The octets written as hexadecimal digits; blanks are ignored.
 * @throws RangeError naming `text` when a digit is missing or no digit
 */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) {
    throw new RangeError('text must be an even number of hexadecimal digits');
  }
  const octets = new Uint8Array(digits.length / 2);
  for (let i = 0; i < octets.length; i++) octets[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return octets;
}

const BASE64_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base64 of RFC 4648 section 4, with padding, in one line. */
export function toBase64(octets: Uint8Array): string {
  let text = '';
  for (let i = 0; i < octets.length; i += 3) {
    const group = (octets[i]! << 16) | ((octets[i + 1] ?? 0) << 8) | (octets[i + 2] ?? 0);
    text += BASE64_DIGITS[group >>> 18]! + BASE64_DIGITS[(group >>> 12) & 63]!;
    text += i + 1 < octets.length ? BASE64_DIGITS[(group >>> 6) & 63]! : '=';
    text += i + 2 < octets.length ? BASE64_DIGITS[group & 63]! : '=';
  }
  return text;
}

/** The four octets of `value` modulo 2^32, most significant first. */
export function uint32be(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/**
 * Text of a stranger as it may be shown: at most 256 characters, and `?` for whatever could move the cursor, reorder the
 * line or end it.
 */
export function printable(text: string): string {
  return text.slice(0, 256).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, '?');
}

/** Overwrites `octets` with zeros: for keys that are no longer needed. */
export function wipe(octets: Uint8Array): void {
  octets.fill(0);
}

// TextEncoder and TextDecoder are in every runtime but belong to no ECMAScript lib; this states what we use of them.
declare const TextEncoder: { new (): { encode(text: string): Uint8Array } };
declare const TextDecoder: {
  new (
    label: string,
    options: { ignoreBOM: boolean; fatal: boolean },
  ): { decode(octets: Uint8Array): string };
};
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Refuses what is not octets. @throws TypeError naming the argument */
export function requireOctets(value: unknown, name: string): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array`);
}
