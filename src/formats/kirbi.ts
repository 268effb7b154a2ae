/**
 * Tickets as a KRB-CRED message in a file (RFC 4120 section 5.8), the form in which tools of the Windows world exchange
 * them, usually `.kirbi`: octets <-> credentials. There the encrypted part is not encrypted (encryption type 0), so such
 * a file is as secret as a credential cache.
 */
import { Key } from '../crypto/key.js';
import { FormatError, ProtocolError } from '../errors.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { decode, encode, type Message } from '../messages/module.js';
import { encryptionKey, readAndWipe, seal, unseal } from '../messages/sealed.js';
import { type Credential, copyOfAddresses } from './credential.js';
import type { Principal } from './principal.js';

/** How to read a KRB-CRED. */
export interface DecodeKirbiOptions {
  /** File name for error messages. */
  readonly file?: string | undefined;
  /** Key of the encrypted part; needed unless its encryption type is 0. */
  readonly key?: Key | undefined;
}

/** How to write a KRB-CRED. */
export interface EncodeKirbiOptions {
  /** Encrypts the part with the session keys: the key, and 16 fresh random octets. Not encrypted unless given. */
  readonly seal?: { readonly key: Key; readonly confounder: Uint8Array } | undefined;
}

type CredInfo = Message<'KrbCredInfo'>;

/**
 * The tickets of a KRB-CRED.
 * @throws FormatError ERR_CCACHE_FORMAT when it is none, is incomplete, or is encrypted and there is no key
 * @throws CryptoError ERR_INTEGRITY when the key is another
 */
export function decodeKirbi(octets: Uint8Array, options: DecodeKirbiOptions = {}): Credential[] {
  try {
    const { tickets, encPart } = decode('KrbCred', octets);
    return openPart(encPart, options, (part) => {
      const { ticketInfo } = decode('EncKrbCredPart', part, { trailing: true });
      if (tickets.length !== ticketInfo.length) {
        throw wrong(`${tickets.length} tickets and ${ticketInfo.length} descriptions`, options);
      }
      return tickets.map((ticket, i) => credentialOf(ticket, ticketInfo[i]!, options));
    });
  } catch (error) {
    throw error instanceof ProtocolError ? wrong(error.message, options) : error;
  }
}

/** What `read` makes of the part. One that is not encrypted stands in the caller's octets, and is left as it is. */
function openPart<Result>(
  encPart: Message<'EncryptedData'>,
  options: DecodeKirbiOptions,
  read: (part: Uint8Array) => Result,
): Result {
  if (encPart.etype === 0) return read(encPart.cipher);
  if (options.key !== undefined) {
    return readAndWipe(unseal(encPart, options.key, KEY_USAGES.KRB_CRED), read);
  }
  throw wrong(`it is encrypted (type ${encPart.etype}); give the session key of the two parties`, options);
}

/** What the description does not say of the service, the ticket itself says. */
function credentialOf(ticket: Uint8Array, info: CredInfo, options: DecodeKirbiOptions): Credential {
  const { realm, sname } = decode('Ticket', ticket);
  if (info.pname === undefined || info.prealm === undefined) {
    throw wrong('a ticket without the name of its client', options);
  }
  return {
    client: principalOf(info.pname, info.prealm),
    server: principalOf(info.sname ?? sname, info.srealm ?? realm),
    sessionKey: new Key(info.key.keytype, info.key.keyvalue),
    authTime: info.authtime ?? info.starttime ?? 0,
    startTime: info.starttime ?? 0,
    endTime: info.endtime ?? 0,
    renewTill: info.renewTill ?? 0,
    isSkey: false,
    flags: info.flags ?? 0,
    addresses: copyOfAddresses(info.caddr),
    authData: [],
    ticket,
    secondTicket: new Uint8Array(),
  };
}

function principalOf({ nameType, nameString }: Message<'PrincipalName'>, realm: string): Principal {
  return { nameType, components: nameString, realm };
}

function wrong(problem: string, { file }: DecodeKirbiOptions): FormatError {
  return new FormatError('credential cache', `not a usable KRB-CRED (kirbi): ${problem}`, {
    file,
    offset: 0,
  });
}

/**
 * The tickets as one KRB-CRED. Whether a ticket is for user-to-user, and authorization data, have no place in it.
 * @throws RangeError when a credential has no ticket, or there is none
 */
export function encodeKirbi(
  credentials: readonly Credential[],
  options: EncodeKirbiOptions = {},
): Uint8Array {
  if (credentials.length === 0 || credentials.some(({ ticket }) => ticket.length === 0)) {
    throw new RangeError('credentials must be one or more, each with a ticket');
  }
  const part = encode('EncKrbCredPart', { ticketInfo: credentials.map(infoOf) });
  const encPart =
    options.seal === undefined
      ? { etype: 0, cipher: part }
      : seal(part, options.seal.key, KEY_USAGES.KRB_CRED, options.seal.confounder);
  return encode('KrbCred', {
    pvno: 5,
    msgType: 22,
    tickets: credentials.map(({ ticket }) => ticket),
    encPart,
  });
}

function infoOf(credential: Credential): CredInfo {
  const { client, server, addresses } = credential;
  return {
    key: encryptionKey(credential.sessionKey),
    prealm: client.realm,
    pname: { nameType: client.nameType, nameString: client.components },
    flags: credential.flags,
    ...presentTimes(credential),
    srealm: server.realm,
    sname: { nameType: server.nameType, nameString: server.components },
    ...(addresses.length === 0 ? {} : { caddr: addresses }),
  };
}

/** A time of 0 stands for none. */
function presentTimes({ authTime, startTime, endTime, renewTill }: Credential): Partial<CredInfo> {
  return {
    ...(authTime === 0 ? {} : { authtime: authTime }),
    ...(startTime === 0 ? {} : { starttime: startTime }),
    ...(endTime === 0 ? {} : { endtime: endTime }),
    ...(renewTill === 0 ? {} : { renewTill }),
  };
}
