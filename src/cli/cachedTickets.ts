/** Tickets from and with a ticket that is in a cache: what kvno, kinit -R and kinit -v ask a KDC for. */
import { drive } from '../client/drive.js';
import { networkConnection } from '../client/kdcConnection.js';
import { offeredEtypes, policyOf } from '../client/policy.js';
import { systemEnvironment } from '../client/system.js';
import { CredentialError } from '../errors.js';
import { realmOfTgt, serviceTicket, type TgsRequest, tgsExchange } from '../exchange/tgs.js';
import type { CredentialCache } from '../formats/ccache.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, krbtgtPrincipal, type Principal, samePrincipal } from '../formats/principal.js';
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../messages/flags.js';
import type { Session } from './command.js';

/** What a ticket takes over from the one that it is got with, as MIT krb5 asks for it. */
const COPIED_FLAGS: number = KDC_OPTIONS.forwardable | KDC_OPTIONS.proxiable | KDC_OPTIONS.renewable;

/** How to ask for a service ticket. */
export interface ServiceTicketOptions {
  /** Encryption type of the session key. */
  readonly etype?: number | undefined;
  /** The peer's ticket-granting ticket, for user-to-user. */
  readonly secondTicket?: Uint8Array | undefined;
}

/** The ticket of `cache` for `server`, valid or not; undefined when there is none. */
function cachedTicket(cache: CredentialCache, server: Principal): Credential | undefined {
  return cache.credentials.find(
    (credential) =>
      samePrincipal(credential.server, server) &&
      samePrincipal(credential.client, cache.defaultPrincipal) &&
      !credential.isSkey,
  );
}

/**
 * The ticket-granting ticket of `cache` for its principal's own realm.
 * @throws CredentialError ERR_NO_TICKET, ERR_TICKET_EXPIRED
 */
export function localTgt(cache: CredentialCache): Credential {
  const server = krbtgtPrincipal(cache.defaultPrincipal.realm);
  const tgt = cachedTicket(cache, server);
  const name = formatPrincipal(server);
  if (tgt === undefined)
    throw new CredentialError('ERR_NO_TICKET', `there is no ticket ${name}; log in (kinit)`);
  if (tgt.endTime <= nowOf(cache)) {
    throw new CredentialError('ERR_TICKET_EXPIRED', `the ticket ${name} has expired; log in again (kinit)`);
  }
  return tgt;
}

/** Seconds since 1970 on the KDC's clock, as far as the cache knows it. */
export function nowOf({ kdcTimeOffset }: CredentialCache): number {
  return Date.now() / 1000 + (kdcTimeOffset?.seconds ?? 0);
}

/** Gets a service ticket from a KDC, from another realm if the KDC says so. */
export function fetchTicket(
  cache: CredentialCache,
  server: Principal,
  session: Session,
  options: ServiceTicketOptions = {},
): Promise<Credential> {
  const tgt = localTgt(cache);
  const forPeer = options.secondTicket === undefined ? 0 : KDC_OPTIONS.encTktInSkey;
  const request = {
    ...requestWith(cache, tgt, session),
    server: server.realm === '' ? { ...server, realm: realmOfTgt(tgt) } : server,
    kdcOptions: KDC_OPTIONS.canonicalize | forPeer | (tgt.flags & COPIED_FLAGS),
    secondTicket: options.secondTicket,
    ...(options.etype === undefined ? {} : { etypes: [options.etype] }),
  };
  return run(session, serviceTicket(request, systemEnvironment(), policyOf(session.config)));
}

/**
 * Renews or validates the cache's ticket for `server` (RFC 4120 sections 2.3 and 2.2).
 * @throws CredentialError ERR_NO_TICKET; what the KDC refuses
 */
export async function exchangeTicket(
  option: 'renew' | 'validate',
  cache: CredentialCache,
  server: Principal,
  session: Session,
): Promise<Credential> {
  const old = cachedTicket(cache, server);
  if (old === undefined) {
    throw new CredentialError('ERR_NO_TICKET', `there is no ticket ${formatPrincipal(server)} in the cache`);
  }
  const request = {
    ...requestWith(cache, old, session),
    server,
    kdcOptions: KDC_OPTIONS[option] | (old.flags & COPIED_FLAGS),
    till: option === 'renew' ? old.renewTill || old.endTime : old.endTime,
    rtime: hasFlag(old.flags, TICKET_FLAGS.renewable) ? old.renewTill || undefined : undefined,
  };
  return run(session, tgsExchange(request, systemEnvironment(), policyOf(session.config)));
}

function requestWith(
  cache: CredentialCache,
  tgt: Credential,
  { config }: Session,
): Pick<TgsRequest, 'tgt' | 'etypes' | 'timeOffsetSeconds'> {
  return { tgt, etypes: offeredEtypes(config, 'TGS'), timeOffsetSeconds: cache.kdcTimeOffset?.seconds };
}

function run(
  { config, trace }: Session,
  exchange: Parameters<typeof drive<Credential>>[0],
): Promise<Credential> {
  const connection = networkConnection({ config, trace });
  return drive(exchange, {
    kdc: (question) => connection(question),
    key: () => Promise.reject(new CredentialError('ERR_NO_KEY', 'a TGS exchange needs no long-term key')),
  });
}
