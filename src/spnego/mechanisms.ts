/**
 * The mechanisms that are offered: a table of object identifiers, each with how to start a context of it. Kerberos has two
 * identifiers, the standard's and one with a bit lost that Windows 2000 brought into the world; they mean the same
 * mechanism, and the tokens of both carry the standard's (MS-SPNG sections 1.9 and 3.1.5).
 */
import { ProtocolError } from '../errors.js';
import type { SecurityContext } from '../gss/securityContext.js';
import { KRB5_OID, MS_KRB5_OID } from '../gss/token.js';

/** A mechanism that can be negotiated. */
export interface NegotiableMechanism {
  /** Its object identifier in dotted form, as it stands in the list. */
  readonly oid: string;
  /** A context of it that has not started; called again when the acceptor selects it instead of the first one. */
  readonly start: () => SecurityContext;
}

/**
 * The krb5 mechanism under each identifier, most preferred first.
 * @param oids the standard's alone unless given, as MIT krb5 offers it: every acceptor of this century knows it, and there
 *   is nothing to reselect. Windows puts `MS_KRB5_OID` in front of it.
 * @throws TypeError, RangeError when `oids` is empty, has something twice or another mechanism in it
 */
export function krb5Mechanisms(
  start: () => SecurityContext,
  oids: readonly string[] = [KRB5_OID],
): NegotiableMechanism[] {
  checkKrb5Identifiers(oids);
  return oids.map((oid) => ({ oid, start }));
}

/** @throws TypeError, RangeError when `oids` is no list of identifiers of the krb5 mechanism */
export function checkKrb5Identifiers(oids: readonly string[]): void {
  if (!Array.isArray(oids)) throw new TypeError('spnegoMechanisms must be an array of object identifiers');
  if (oids.length === 0 || new Set(oids).size < oids.length || !oids.every(isKrb5)) {
    throw new RangeError(`spnegoMechanisms must be one or both of ${KRB5_OID} and ${MS_KRB5_OID}`);
  }
}

/** Whether `oid` is one of the krb5 mechanism's two identifiers. */
export function isKrb5(oid: string): boolean {
  return oid === KRB5_OID || oid === MS_KRB5_OID;
}

/** Whether both identifiers mean one mechanism. */
export function sameMechanism(one: string, other: string): boolean {
  return one === other || (isKrb5(one) && isKrb5(other));
}

/** NTLM (MS-NLMP section 1.9). */
export const NTLM_OID = '1.3.6.1.4.1.311.2.2.10';

/** Mechanisms that acceptors select or list, for messages. */
const NAMES: Readonly<Record<string, string>> = {
  [KRB5_OID]: 'Kerberos',
  [MS_KRB5_OID]: "Kerberos (Microsoft's identifier)",
  [NTLM_OID]: 'NTLM',
  '1.2.840.113554.1.2.2.3': 'user-to-user Kerberos',
  '1.3.6.1.4.1.311.2.2.30': 'NegoEx',
  '1.3.6.1.5.2.5': 'IAKERB',
  '1.3.6.1.5.5.2': 'SPNEGO',
};

/** So many mechanisms are named in a message. */
const NAMED = 6;

/** The error for an acceptor that wants another mechanism than those offered. */
export function notOffered(place: string, ...oids: string[]): ProtocolError {
  const names = oids.slice(0, NAMED).map((oid) => NAMES[oid] ?? oid);
  const wanted = oids.length > NAMED ? [...names, `${oids.length - NAMED} more`] : names;
  const advice = oids.includes(NTLM_OID) ? '; NTLM is not supported' : '';
  return new ProtocolError(
    'ERR_SPNEGO_MECHANISM',
    place,
    `the acceptor wants ${wanted.join(', ') || 'none'}, which was not offered${advice}`,
    'RFC 4178 section 4.2.2',
  );
}
