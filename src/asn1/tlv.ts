/**
 * Octets to tag-length-value nodes, as DER allows them (X.690 section 10): the only import of asn1js.
 *
 * asn1js reads BER; what DER forbids and a security protocol must not let pass is refused here: indefinite, non-minimal
 * and wrong lengths, constructed strings, trailing octets, and more octets, nodes or nesting than any Kerberos message
 * has.
 */
import { type BaseBlock, Constructed, fromBER } from 'asn1js';
import { ProtocolError } from '../errors.js';

/** Largest message that is read at all, octets; the same bound as MIT's for replies over TCP. */
export const MAX_MESSAGE_OCTETS: number = 1024 * 1024;
const MAX_DEPTH = 32;
const MAX_NODES = 4096;

export const UNIVERSAL = 0;
export const APPLICATION = 1;
export const CONTEXT = 2;

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

const CLASS_NAMES = ['UNIVERSAL', 'APPLICATION', '', 'PRIVATE'] as const;

/** `[APPLICATION 10]`, `[3]`, `SEQUENCE`. */
export function tagName(tagClass: number, tagNumber: number): string {
  const name = Object.entries(TAGS).find(([, number]) => number === tagNumber)?.[0];
  if (tagClass === UNIVERSAL && name !== undefined) return name;
  return tagClass === CONTEXT ? `[${tagNumber}]` : `[${CLASS_NAMES[tagClass]} ${tagNumber}]`;
}

/** One tag-length-value. All arrays are views of the octets that were parsed. */
export interface TlvNode {
  /** UNIVERSAL 0, APPLICATION 1, CONTEXT 2, PRIVATE 3. */
  readonly tagClass: number;
  readonly tagNumber: number;
  /** The whole: tag, length and contents. */
  readonly raw: Uint8Array;
  /** The contents octets. */
  readonly content: Uint8Array;
  /** Nodes of a constructed encoding; undefined for a primitive one. */
  readonly children: readonly TlvNode[] | undefined;
}

/**
 * Parses one DER value.
 * @param octets exactly one value, unless `trailing` allows more octets after it (decrypted data of encryption types
 *   that pad, RFC 3961 section 5.3)
 * @param what what is being parsed, for the error
 * @throws ProtocolError ERR_ASN1
 */
export function parseTlv(octets: Uint8Array, what: string, options: { trailing?: boolean } = {}): TlvNode {
  const { result, offset } = parseBer(octets, what);
  if (offset < 0 || result.error) throw malformed(what, result.error || 'truncated or not ASN.1');
  if (offset !== octets.length && options.trailing !== true) {
    throw malformed(what, `${octets.length - offset} octets after the end of the value`);
  }
  return strictNode(result as AnyBlock, what);
}

/** The error for octets that are not what they should be. */
export function malformed(place: string, problem: string): ProtocolError {
  return new ProtocolError('ERR_ASN1', place, problem);
}

type AnyBlock = BaseBlock & { readonly valueBlock: { readonly value?: unknown } };

function parseBer(octets: Uint8Array, what: string): ReturnType<typeof fromBER> {
  if (octets.length === 0) throw malformed(what, 'empty');
  if (octets.length > MAX_MESSAGE_OCTETS) {
    throw malformed(what, `${octets.length} octets, the limit is ${MAX_MESSAGE_OCTETS}`);
  }
  try {
    return fromBER(octets, {
      copyInput: false,
      parseEmbedded: false,
      maxDepth: MAX_DEPTH,
      maxNodes: MAX_NODES,
      maxContentLength: MAX_MESSAGE_OCTETS,
    });
  } catch {
    // asn1js throws plain errors on some contents, such as an impossible GeneralizedTime
    throw malformed(what, 'not ASN.1');
  }
}

function strictNode(block: AnyBlock, what: string): TlvNode {
  const { idBlock, lenBlock } = block;
  const raw = block.valueBeforeDecodeView;
  const tagClass = idBlock.tagClass - 1;
  if (idBlock.blockLength !== 1) throw malformed(what, 'a tag number above 30');
  if (lenBlock.isIndefiniteForm) throw malformed(what, 'indefinite length');
  const content = raw.subarray(1 + lenBlock.blockLength);
  // asn1js lets the last child of a value reach beyond the end that the value announced
  if (content.length !== lenBlock.length) throw malformed(what, 'contents of another length than announced');
  if (lenBlock.blockLength !== lengthOctets(content.length)) throw malformed(what, 'length is not minimal');
  if (!idBlock.isConstructed) {
    return { tagClass, tagNumber: idBlock.tagNumber, raw, content, children: undefined };
  }
  if (tagClass === UNIVERSAL && !(block instanceof Constructed)) {
    throw malformed(what, 'a string in constructed form');
  }
  const value = block.valueBlock.value as readonly AnyBlock[];
  const children = value.map((child) => strictNode(child, what));
  const length = children.reduce((sum, child) => sum + child.raw.length, 0);
  if (length !== content.length) throw malformed(what, 'a value that reaches beyond the one that holds it');
  return { tagClass, tagNumber: idBlock.tagNumber, raw, content, children };
}

/** Octets that DER spends on the length `length` (X.690 section 10.1). */
function lengthOctets(length: number): number {
  if (length < 0x80) return 1;
  return length < 0x100 ? 2 : length < 0x10000 ? 3 : length < 0x1000000 ? 4 : 5;
}
