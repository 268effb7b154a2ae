/** Logging in for the commands: an AS exchange with all that kinit can ask for. */
import { networkInterfaces } from 'node:os';
import { drive } from '../client/drive.js';
import { networkConnection } from '../client/kdcConnection.js';
import type { KeySource } from '../client/keySource.js';
import { offeredEtypes, policyOf } from '../client/policy.js';
import { type LoginOptions, loginRequest } from '../client/request.js';
import { systemEnvironment } from '../client/system.js';
import { CredentialError } from '../errors.js';
import { type AsRequest, type AsResult, asExchange } from '../exchange/as.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { ADDRESS_TYPES } from '../iana/addressTypes.js';
import { NAME_TYPES } from '../iana/nameTypes.js';
import type { HostAddress } from '../messages/basic.js';
import { KDC_OPTIONS } from '../messages/flags.js';
import type { CacheContents, CredentialCacheStore } from '../stores/cacheStore.js';
import type { Session } from './command.js';
import { Conversation } from './conversation.js';

/** Whom to log in and with which keys. */
export interface Identity {
  readonly principal: Principal;
  readonly keySource: KeySource;
  /** Whether the key comes from a password. */
  readonly password: boolean;
}

/** What kinit asks for beyond what a client of the library does. */
export interface InitialTicketOptions extends LoginOptions {
  /** Seconds from now until the ticket becomes valid. */
  readonly startSeconds?: number | undefined;
  /** Addresses to bind the ticket to. */
  readonly addresses?: readonly HostAddress[] | undefined;
}

/** A login's ticket and what is stored with it. */
export interface InitialTicket {
  readonly credential: Credential;
  readonly contents: CacheContents;
  /** Version of the client's key, if the KDC tells. */
  readonly keyVersion: number | undefined;
}

/** Gets an initial ticket. Throws as Client.login does. */
export async function initialTicket(
  { principal, keySource }: Omit<Identity, 'password'>,
  { config, trace }: Session,
  options: InitialTicketOptions,
): Promise<InitialTicket> {
  const environment = systemEnvironment();
  const etypes = keySource.etypes(offeredEtypes(config, 'AS'));
  if (etypes.length === 0) throw noUsableKey(principal);
  const connection = networkConnection({ config, trace });
  const conversation = new Conversation({
    kdc: (question) => connection(question, options.signal),
    key: (question) => keySource.key(question),
  });
  const plain = loginRequest(principal, config, etypes, environment.nowMs(), options);
  const request = furtherWishes(plain, Math.floor(environment.nowMs() / 1000), options);
  const result = await drive(asExchange(request, environment, policyOf(config)), conversation);
  const { credential } = result;
  return {
    credential,
    contents: {
      credentials: [credential],
      config: conversation.notes(credential.server),
      kdcTimeOffset: timeOffset(result),
    },
    keyVersion: conversation.keyVersion(),
  };
}

function noUsableKey(principal: Principal): CredentialError {
  const name = formatPrincipal(principal);
  const text = `the keytab has no key of ${name} in an encryption type that may be used`;
  return new CredentialError('ERR_KEYTAB_NO_KEY', text);
}

function timeOffset({ kdcTimeOffsetSeconds: seconds }: AsResult): CacheContents['kdcTimeOffset'] {
  return seconds === 0 ? undefined : { seconds, microseconds: 0 };
}

function furtherWishes(
  request: AsRequest,
  now: number,
  { startSeconds, addresses }: InitialTicketOptions,
): AsRequest {
  const enterprise = request.client.nameType === NAME_TYPES['NT-ENTERPRISE'];
  const kdcOptions = request.kdcOptions | (enterprise ? KDC_OPTIONS.canonicalize : 0);
  const bound = { ...request, kdcOptions, addresses };
  if (startSeconds === undefined) return bound;
  return {
    ...bound,
    kdcOptions: kdcOptions | KDC_OPTIONS.allowPostdate | KDC_OPTIONS.postdated,
    from: now + startSeconds,
    till: request.till + startSeconds,
    rtime: request.rtime === undefined ? undefined : request.rtime + startSeconds,
  };
}

/** Stores a login's ticket in place of what the cache holds. */
export async function storeInitialTicket(
  store: CredentialCacheStore,
  { credential, contents }: InitialTicket,
  { trace }: Session,
): Promise<void> {
  await store.initialize(credential.client, contents);
  const names = `${formatPrincipal(credential.client)} -> ${formatPrincipal(credential.server)}`;
  trace?.({ event: 'ccache.store', text: `Storing ${names} in ${store.name}` });
}

/** The addresses of this machine by which others reach it: no loopback, no link-local ones. */
export function localAddresses(): HostAddress[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
    .map(({ family, address }) =>
      family === 'IPv4'
        ? { addrType: ADDRESS_TYPES.IPv4, address: Uint8Array.from(address.split('.'), Number) }
        : { addrType: ADDRESS_TYPES.IPv6, address: ipv6Octets(address) },
    );
}

function ipv6Octets(text: string): Uint8Array {
  const [head = '', tail] = (text.split('%')[0] ?? '').split('::');
  const groups = (part: string | undefined): number[] =>
    part === undefined || part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail)];
  const zeros = tail === undefined ? [] : new Array<number>(8 - first.length - last.length).fill(0);
  return Uint8Array.from([...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 255]));
}
