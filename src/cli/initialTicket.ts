/** Logging in for the commands: a client of the library with what the command line says. */
import { networkInterfaces } from 'node:os';
import { Client } from '../client/client.js';
import { networkConnection } from '../client/kdcConnection.js';
import type { KeySource } from '../client/keySource.js';
import { loginContents } from '../client/loginContents.js';
import type { LoginOptions } from '../client/request.js';
import { systemEnvironment } from '../client/system.js';
import type { AsResult } from '../exchange/as.js';
import type { Credential } from '../formats/credential.js';
import { configOfRealm } from '../formats/krb5Config.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { ADDRESS_TYPES } from '../iana/addressTypes.js';
import type { HostAddress } from '../messages/basic.js';
import type { CacheContents, CredentialCacheStore } from '../stores/cacheStore.js';
import type { Session } from './command.js';

/** Whom to log in and with which keys. */
export interface Identity {
  readonly principal: Principal;
  readonly keySource: KeySource;
  /** Whether the key comes from a password. */
  readonly password: boolean;
}

/** A client for the commands. Its `dispose` forgets the keys of `keySource`. */
export function clientOf(
  principal: Principal,
  { config, trace }: Session,
  parts: Partial<ConstructorParameters<typeof Client>[0]>,
): Client {
  return new Client({
    principal,
    config: configOfRealm(config, principal.realm),
    trace,
    environment: systemEnvironment(),
    connection: networkConnection({ config, trace }),
    ...parts,
  });
}

/** Gets an initial ticket; the keys of `keySource` stay. Throws as Client.login does. */
export function initialTicket(
  { principal, keySource }: Omit<Identity, 'password'>,
  session: Session,
  options: LoginOptions,
): Promise<AsResult> {
  return clientOf(principal, session, { keySource }).login(options);
}

/** Stores a login's ticket in place of what the cache holds. */
export function storeLogin(store: CredentialCacheStore, result: AsResult, { trace }: Session): Promise<void> {
  return storeInitialTicket(store, result.credential, loginContents(result), trace);
}

/** Stores the ticket and what belongs to it in place of what the cache holds. */
export async function storeInitialTicket(
  store: CredentialCacheStore,
  credential: Credential,
  contents: CacheContents,
  trace: Session['trace'],
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
