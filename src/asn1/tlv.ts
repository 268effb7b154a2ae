/**
 * Octets to tag-length-value nodes: the only import of asn1js. strictDer.ts has looked at the octets before.
 */
import { type BaseBlock, fromBER } from 'asn1js';
import { checkDer, malformed, TAGS, UNIVERSAL } from './strictDer.js';

export { malformed, TAGS, UNIVERSAL };
export const APPLICATION = 1;
export const CONTEXT = 2;

/** Largest message that is read at all, octets; the same bound as MIT's for replies over TCP. */
export const MAX_MESSAGE_OCTETS: number = 1024 * 1024;

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
  if (octets.length > MAX_MESSAGE_OCTETS) {
    throw malformed(what, `${octets.length} octets, the limit is ${MAX_MESSAGE_OCTETS}`);
  }
  const end = checkDer(octets, what);
  if (end !== octets.length && options.trailing !== true) {
    throw malformed(what, `${octets.length - end} octets after the end of the value`);
  }
  return nodeOf(parseBer(octets.subarray(0, end), what));
}

type AnyBlock = BaseBlock & { readonly valueBlock: { readonly value?: unknown } };

function parseBer(octets: Uint8Array, what: string): AnyBlock {
  let parsed: ReturnType<typeof fromBER> | undefined;
  try {
    parsed = fromBER(octets, { copyInput: false, parseEmbedded: false });
  } catch {
    // asn1js throws plain errors on some contents, such as an impossible GeneralizedTime
  }
  if (parsed === undefined || parsed.offset !== octets.length || parsed.result.error) {
    throw malformed(what, parsed?.result.error || 'contents that do not fit their type');
  }
  return parsed.result as AnyBlock;
}

function nodeOf(block: AnyBlock): TlvNode {
  const { idBlock, lenBlock, valueBeforeDecodeView: raw } = block;
  return {
    tagClass: idBlock.tagClass - 1,
    tagNumber: idBlock.tagNumber,
    raw,
    content: raw.subarray(1 + lenBlock.blockLength),
    children: idBlock.isConstructed ? (block.valueBlock.value as readonly AnyBlock[]).map(nodeOf) : undefined,
  };
}
