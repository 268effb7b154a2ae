/** Finding a ticket among many: by client and server, in file order, as MIT krb5's krb5_cc_retrieve_cred. */
import type { Credential } from './credential.js';
import { formatPrincipal, type Principal, samePrincipal } from './principal.js';

/** Which ticket. */
export interface TicketQuery {
  readonly server: Principal;
  /** Any client unless given. */
  readonly client?: Principal | undefined;
  /** A user-to-user ticket, which is of no use for anything else; false unless given. */
  readonly isSkey?: boolean | undefined;
  /** It must last longer than this, seconds since 1970. */
  readonly validAt?: number | undefined;
  /** Its session key must be of this encryption type. */
  readonly etype?: number | undefined;
}

/** The tickets of one cache by server, so that a lookup costs the same among ten and among ten thousand. */
export class TicketIndex {
  readonly #byServer = new Map<string, Credential[]>();

  constructor(credentials: readonly Credential[]) {
    for (const credential of credentials) {
      const key = formatPrincipal(credential.server);
      const known = this.#byServer.get(key);
      if (known === undefined) this.#byServer.set(key, [credential]);
      else known.push(credential);
    }
  }

  /** The first ticket that fits. */
  find(query: TicketQuery): Credential | undefined {
    return this.#byServer
      .get(formatPrincipal(query.server))
      ?.find((credential) => fitsQuery(credential, query));
  }
}

/** Whether a ticket for the right server fits otherwise. */
export function fitsQuery(credential: Credential, { client, isSkey, validAt, etype }: TicketQuery): boolean {
  return (
    (client === undefined || samePrincipal(credential.client, client)) &&
    credential.isSkey === (isSkey ?? false) &&
    (validAt === undefined || credential.endTime > validAt) &&
    (etype === undefined || credential.sessionKey.etype === etype)
  );
}

/**
 * Whether `a` stands in a cache for the same as `b`, so that the later one replaces the earlier one. A user-to-user
 * ticket is usable with one peer's ticket only and does not stand for an ordinary one.
 */
export function isSameTicket(a: Credential, b: Credential): boolean {
  return samePrincipal(a.client, b.client) && samePrincipal(a.server, b.server) && a.isSkey === b.isSkey;
}
