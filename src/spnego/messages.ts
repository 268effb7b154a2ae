/** Messages of SPNEGO (RFC 4178 section 4.2), declared as in asn1/schema.ts. */
import { type Asn1Module, asn1Module, type NamedValue } from '../asn1/schema.js';

/** Section 4.1. */
const MechTypeList = { alias: 'MechTypeList', of: 'SEQUENCE OF OBJECT IDENTIFIER' } as const;

/** Section 4.2.1. */
const NegTokenInit = {
  sequence: 'NegTokenInit',
  fields: {
    mechTypes: '[0] MechTypeList',
    reqFlags: '[1] KerberosFlags OPTIONAL',
    mechToken: '[2] OCTET STRING OPTIONAL',
    mechListMic: '[3] OCTET STRING OPTIONAL',
  },
} as const;

/** Section 4.2.2. */
const NegTokenResp = {
  sequence: 'NegTokenResp',
  fields: {
    negState: '[0] ENUMERATED OPTIONAL',
    supportedMech: '[1] OBJECT IDENTIFIER OPTIONAL',
    responseToken: '[2] OCTET STRING OPTIONAL',
    mechListMic: '[3] OCTET STRING OPTIONAL',
  },
} as const;
export type NegTokenResp = NamedValue<'NegTokenResp', SpnegoDeclarations>;

/** Section 4.2. */
const NegotiationToken = {
  choice: 'NegotiationToken',
  alternatives: { negTokenInit: '[0] NegTokenInit', negTokenResp: '[1] NegTokenResp' },
} as const;

type SpnegoDeclarations = {
  readonly MechTypeList: typeof MechTypeList;
  readonly NegTokenInit: typeof NegTokenInit;
  readonly NegTokenResp: typeof NegTokenResp;
  readonly NegotiationToken: typeof NegotiationToken;
};

const spnego: Asn1Module<SpnegoDeclarations> = asn1Module<SpnegoDeclarations>({
  MechTypeList,
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
