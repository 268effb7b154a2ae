/**
 * Messages of SPNEGO (RFC 4178 section 4.2), declared as in asn1/schema.ts. NegTokenInit is declared with the fields of
 * NegTokenInit2 (MS-SPNG section 2.2.1), which puts hints where the other has the MIC; `readInit` tells them apart.
 */
import { type Asn1Module, asn1Module, type NamedValue } from '../asn1/schema.js';
import { ProtocolError } from '../errors.js';

/** Section 4.1. */
const MechType = { alias: 'MechType', of: 'OBJECT IDENTIFIER' } as const;
const MechTypeList = { alias: 'MechTypeList', of: 'SEQUENCE OF MechType' } as const;
const MechListMic = { alias: 'mechListMIC', of: 'OCTET STRING' } as const;

/** MS-SPNG section 2.2.1. */
const NegHints = {
  sequence: 'NegHints',
  fields: { hintName: '[0] KerberosString OPTIONAL', hintAddress: '[1] OCTET STRING OPTIONAL' },
} as const;

/** Section 4.2.1; in NegTokenInit2 [0] may be missing, [3] is a NegHints and [4] the MIC. */
const NegTokenInit = {
  sequence: 'NegTokenInit',
  fields: {
    mechTypes: '[0] MechTypeList OPTIONAL',
    reqFlags: '[1] KerberosFlags OPTIONAL',
    mechToken: '[2] OCTET STRING OPTIONAL',
    micOrHints: '[3] ANY OPTIONAL',
    micBehindHints: '[4] MechListMic OPTIONAL',
  },
} as const;
export type NegTokenInit = NamedValue<'NegTokenInit', SpnegoDeclarations>;

/** Section 4.2.2. */
const NegTokenResp = {
  sequence: 'NegTokenResp',
  fields: {
    negState: '[0] ENUMERATED OPTIONAL',
    supportedMech: '[1] MechType OPTIONAL',
    responseToken: '[2] OCTET STRING OPTIONAL',
    mechListMic: '[3] MechListMic OPTIONAL',
  },
} as const;
export type NegTokenResp = NamedValue<'NegTokenResp', SpnegoDeclarations>;

/** Section 4.2. */
const NegotiationToken = {
  choice: 'NegotiationToken',
  alternatives: { negTokenInit: '[0] NegTokenInit', negTokenResp: '[1] NegTokenResp' },
} as const;

type SpnegoDeclarations = {
  readonly MechType: typeof MechType;
  readonly MechTypeList: typeof MechTypeList;
  readonly MechListMic: typeof MechListMic;
  readonly NegHints: typeof NegHints;
  readonly NegTokenInit: typeof NegTokenInit;
  readonly NegTokenResp: typeof NegTokenResp;
  readonly NegotiationToken: typeof NegotiationToken;
};

const spnego: Asn1Module<SpnegoDeclarations> = asn1Module<SpnegoDeclarations>({
  MechType,
  MechTypeList,
  MechListMic,
  NegHints,
  NegTokenInit,
  NegTokenResp,
  NegotiationToken,
});

/** DER of a SPNEGO message. */
export const encode: Asn1Module<SpnegoDeclarations>['encode'] = spnego.encode;
/** SPNEGO message of DER octets. @throws ProtocolError ERR_ASN1 */
export const decode: Asn1Module<SpnegoDeclarations>['decode'] = spnego.decode;

/** negState (section 4.2.2). */
export const NEG_STATES = { acceptCompleted: 0, acceptIncomplete: 1, reject: 2, requestMic: 3 } as const;

/** What a NegTokenInit or NegTokenInit2 says. */
export interface Offer {
  /** Missing in some NegTokenInit2. */
  readonly mechTypes: readonly string[] | undefined;
  readonly mechToken: Uint8Array | undefined;
  /** Only in NegTokenInit2. */
  readonly hintName: string | undefined;
  readonly mechListMic: Uint8Array | undefined;
}

const OCTET_STRING = 0x04;

/**
 * Reads field [3] by its content, an OCTET STRING or a SEQUENCE, and field [4] by what [3] was.
 * @throws ProtocolError ERR_ASN1, ERR_SPNEGO_TOKEN
 */
export function readInit({ mechTypes, mechToken, micOrHints, micBehindHints }: NegTokenInit): Offer {
  if (micOrHints?.[0] !== OCTET_STRING) {
    const hints = micOrHints === undefined ? undefined : decode('NegHints', micOrHints);
    return { mechTypes, mechToken, hintName: hints?.hintName, mechListMic: micBehindHints };
  }
  if (micBehindHints !== undefined)
    throw brokenToken('mechListMIC', 'it is there twice', 'MS-SPNG section 2.2.1');
  return { mechTypes, mechToken, hintName: undefined, mechListMic: decode('MechListMic', micOrHints) };
}

/** The error for a message that breaks the rules of the negotiation. */
export function brokenToken(place: string, problem: string, rule = 'RFC 4178 section 5'): ProtocolError {
  return new ProtocolError('ERR_SPNEGO_TOKEN', place, problem, rule);
}
