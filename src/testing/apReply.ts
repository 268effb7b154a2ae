/** The acceptor's AP-REP (RFC 4120 section 3.2.4, RFC 4537), and in DCE style the initiator's (RFC 4757 section 7.1). */
import { encryptionType } from '../crypto/etypes.js';
import { Key } from '../crypto/key.js';
import { type Environment, uint32 } from '../exchange/environment.js';
import type { ContextOffers } from '../gss/authorizationData.js';
import { ENCRYPTION_TYPES, encryptionTypeName } from '../iana/encryptionTypes.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { decode, encode } from '../messages/module.js';
import { encryptionKey, seal } from '../messages/sealed.js';
import { open, type VerifiedApReq } from './apRequest.js';
import { Refusal } from './refusal.js';

/** What the acceptor answers. */
export interface AcceptorReply {
  /** DER of the AP-REP. */
  readonly apRep: Uint8Array;
  /** What protects the messages; the initiator's key where it is undefined. */
  readonly subkey: Key | undefined;
  readonly seqNumber: number;
}

const RC4 = ENCRYPTION_TYPES['arcfour-hmac'];

/**
 * Chooses subkey and sequence number. Without DCE style there is no subkey for RC4, whose tokens do not say whose subkey
 * they are under.
 */
export function makeApRep(
  { authenticator, sessionKey, subkey }: VerifiedApReq,
  subkeyEtype: number,
  dceStyle: boolean,
  environment: Environment,
): AcceptorReply {
  const { ctime, cusec } = authenticator;
  const seqNumber = uint32(environment.randomBytes(4)) & 0x3fffffff;
  const old = subkeyEtype === RC4 && (subkey ?? sessionKey).etype === RC4 && !dceStyle;
  const ours = old ? undefined : freshKey(subkeyEtype, environment);
  const part = encode('EncApRepPart', { ctime, cusec, subkey: ours && encryptionKey(ours), seqNumber });
  const confounder = environment.randomBytes(sessionKey.confounderLength);
  const encPart = seal(part, sessionKey, KEY_USAGES.AP_REP, confounder);
  return { apRep: encode('ApRep', { pvno: 5, msgType: 15, encPart }), subkey: ours, seqNumber };
}

/** A random key; all supported types take any octets. */
function freshKey(etype: number, environment: Environment): Key {
  return new Key(etype, environment.randomBytes(encryptionType(etype).keyLength));
}

/**
 * The type of the acceptor's subkey: the best one that the initiator offers or uses.
 * @throws Refusal when it uses one that is not permitted
 */
export function negotiateEtype(
  { sessionKey, subkey }: VerifiedApReq,
  { etypes }: ContextOffers,
  permitted: readonly number[],
): number {
  const used = [sessionKey.etype, subkey?.etype ?? sessionKey.etype];
  const refused = used.find((etype) => !permitted.includes(etype));
  if (refused !== undefined) {
    throw new Refusal('KDC_ERR_ETYPE_NOSUPP', `Encryption type ${encryptionTypeName(refused)} not permitted`);
  }
  return permitted.find((etype) => etypes.includes(etype) || used.includes(etype))!;
}

/** Checks the last token of DCE style. @throws Refusal KRB_AP_ERR_MUT_FAIL, KRB_AP_ERR_BAD_INTEGRITY */
export function checkDceReply(octets: Uint8Array, sessionKey: Key, seqNumber: number): void {
  const { encPart } = decode('ApRep', octets);
  const plain = open(encPart, sessionKey, KEY_USAGES.AP_REP);
  const part = decode('EncApRepPart', plain, { trailing: true });
  if (part.seqNumber !== seqNumber || part.subkey !== undefined) {
    throw new Refusal('KRB_AP_ERR_MUT_FAIL', 'Mutual authentication failed');
  }
}
