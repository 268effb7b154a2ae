/** What AS and TGS exchanges share: a checked reply becomes a credential. */
import { Key } from '../crypto/key.js';
import { type Credential, copyOfAddresses } from '../formats/credential.js';
import type { Principal } from '../formats/principal.js';
import type { EncKdcRepPart, KdcRep } from '../messages/kdc.js';
import { principalOf } from './principalName.js';

/** The credential in a reply that passed every check; all but the ticket comes from the encrypted part. It has no view of either. */
export function credentialOf(
  rep: KdcRep,
  encPart: EncKdcRepPart,
  client: Principal,
  options: { isSkey?: boolean; secondTicket?: Uint8Array } = {},
): Credential {
  return {
    client,
    server: principalOf(encPart.sname, encPart.srealm),
    sessionKey: new Key(encPart.key.keytype, encPart.key.keyvalue),
    authTime: encPart.authtime,
    // A KDC leaves it out where it is the same (RFC 4120 section 5.4.2); caches of MIT krb5 have it.
    startTime: encPart.starttime ?? encPart.authtime,
    endTime: encPart.endtime,
    renewTill: encPart.renewTill ?? 0,
    isSkey: options.isSkey ?? false,
    flags: encPart.flags,
    addresses: copyOfAddresses(encPart.caddr),
    authData: [],
    ticket: new Uint8Array(rep.ticket),
    secondTicket: options.secondTicket ?? new Uint8Array(0),
  };
}
