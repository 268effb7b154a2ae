/**
 * What DER forbids (X.690 section 10) and a security protocol must not let pass, looked for before asn1js, which reads
 * BER, sees the octets: indefinite, non-minimal and wrong lengths, values that reach beyond the one that holds them,
 * constructed strings, types that no message has, and more nodes or nesting than any message has. So its work is bounded
 * by what is let through here.
 */
import { ProtocolError } from '../errors.js';
import { readLength } from './derLength.js';

export const UNIVERSAL = 0;

/** Universal tag numbers that Kerberos and SPNEGO use (X.680 section 8.4). */
export const TAGS = {
  BOOLEAN: 1,
  INTEGER: 2,
  'BIT STRING': 3,
  'OCTET STRING': 4,
  'OBJECT IDENTIFIER': 6,
  ENUMERATED: 10,
  SEQUENCE: 16,
  GeneralizedTime: 24,
  GeneralString: 27,
} as const;

/** Types that an extension may bring; they are read over. */
const EXTENSION_TAGS = { NULL: 5, UTF8String: 12, SET: 17 } as const;
const ALLOWED_TAGS: ReadonlySet<number> = new Set([...Object.values(TAGS), ...Object.values(EXTENSION_TAGS)]);

const MAX_DEPTH = 32;
const MAX_NODES = 4096;
/** asn1js makes an object of every arc; the longest registered identifiers have a third of this. */
const MAX_OID_OCTETS = 64;

const HIGH_TAG = 0x1f;
const CONSTRUCTED = 0x20;

/** The error for octets that are not what they should be. */
export function malformed(place: string, problem: string): ProtocolError {
  return new ProtocolError('ERR_ASN1', place, problem);
}

/**
 * Checks the first value of `octets` with everything in it.
 * @param what what is being read, for the error
 * @returns the offset at which the value ends
 * @throws ProtocolError ERR_ASN1
 */
export function checkDer(octets: Uint8Array, what: string): number {
  const walk: Walk = { octets, what, nodes: 0 };
  return checkValue(walk, 0, octets.length, 1);
}

interface Walk {
  readonly octets: Uint8Array;
  readonly what: string;
  nodes: number;
}

/** Checks one value that must end at or before `limit`; gives its end. */
function checkValue(walk: Walk, start: number, limit: number, depth: number): number {
  const { octets, what } = walk;
  if (++walk.nodes > MAX_NODES) throw malformed(what, `more than ${MAX_NODES} values`);
  if (depth > MAX_DEPTH) throw malformed(what, `nested deeper than ${MAX_DEPTH}`);
  if (limit - start < 2) throw malformed(what, 'truncated');
  const identifier = octets[start]!;
  const { length, begin } = shortestLength(walk, start + 1);
  const end = begin + length;
  if (end > limit) throw malformed(what, 'a value reaches beyond the end of what holds it');
  checkTag(walk, identifier, length);
  if ((identifier & CONSTRUCTED) !== 0) {
    for (let offset = begin; offset < end; ) offset = checkValue(walk, offset, end, depth + 1);
  }
  return end;
}

/** Length octets at `offset`, in the shortest form (X.690 section 10.1). */
function shortestLength({ octets, what }: Walk, offset: number): { length: number; begin: number } {
  const read = readLength(octets, offset);
  if (read === undefined) throw malformed(what, 'a length that is indefinite, too long or truncated');
  const long = read.begin - offset > 1;
  if (long && (read.length < 0x80 || octets[offset + 1] === 0))
    throw malformed(what, 'length is not minimal');
  return read;
}

function checkTag({ what }: Walk, identifier: number, length: number): void {
  const tag = identifier & HIGH_TAG;
  if (tag === HIGH_TAG) throw malformed(what, 'a tag number above 30');
  if (identifier >>> 6 !== UNIVERSAL) return;
  if (!ALLOWED_TAGS.has(tag))
    throw malformed(what, `a value of the universal type ${tag}, which no message has`);
  const isConstructed = (identifier & CONSTRUCTED) !== 0;
  const holdsValues = tag === TAGS.SEQUENCE || tag === EXTENSION_TAGS.SET;
  if (isConstructed && !holdsValues) throw malformed(what, 'a string in constructed form');
  if (!isConstructed && holdsValues) throw malformed(what, 'a SEQUENCE or SET in primitive form');
  if (tag === TAGS['OBJECT IDENTIFIER'] && length > MAX_OID_OCTETS) {
    throw malformed(what, `an OBJECT IDENTIFIER of more than ${MAX_OID_OCTETS} octets`);
  }
}
