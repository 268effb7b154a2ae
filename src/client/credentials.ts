/**
 * The tickets of one client and how they stay good: what nears its end (lifetime.ts says when) is replaced, once for all
 * who ask, and used on to its end while that fails.
 */
import { Key } from '../crypto/key.js';
import { CredentialError, KdcError } from '../errors.js';
import type { AsResult } from '../exchange/as.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, krbtgtPrincipal, type Principal, samePrincipal } from '../formats/principal.js';
import { ANONYMOUS } from '../gss/name.js';
import type { Trace } from '../trace.js';
import type { ClientExchanges, ExchangeParts } from './exchanges.js';
import { isDue, isValid, renewalHelps, renewalSuffices } from './lifetime.js';
import { isRefusal } from './refresh.js';
import { RefusalPause } from './refusalPause.js';
import type { LoginOptions } from './request.js';
import { SingleFlight } from './singleFlight.js';
import { Tickets } from './tickets.js';

/** What a client is made of; the functions of identities.ts put it together. */
export interface ClientParts extends ExchangeParts {
  readonly trace?: Trace | undefined;
  /** Tickets to begin with. */
  readonly credentials?: readonly Credential[] | undefined;
  /** Called with each ticket that comes from a KDC other than by `login()`, to keep it; must not reject. */
  readonly keep?: ((credential: Credential) => Promise<void>) | undefined;
  /**
   * The tickets that are now where `keep` keeps them; must not reject. Asked for when the ticket-granting ticket is due,
   * before a KDC is.
   */
  readonly reload?: (() => Promise<readonly Credential[]>) | undefined;
}

/** When there is no better ticket, one that is still valid is used for this long before another is tried for. */
const PATIENCE_SECONDS = 30;

/** Errors that tell that the KDC does not take the ticket-granting ticket, whatever its times say. */
const TGT_REFUSALS: ReadonlySet<string> = new Set([
  'KRB_AP_ERR_TKT_EXPIRED',
  'KRB_AP_ERR_BAD_INTEGRITY',
  'KRB_AP_ERR_BADKEYVER',
  'KDC_ERR_TGT_REVOKED',
]);

export class Credentials {
  readonly #parts: ClientParts;
  readonly #exchanges: ClientExchanges;
  readonly #tgtName: Principal;
  readonly #tickets = new Tickets();
  readonly #pending = new SingleFlight<Credential>();
  readonly #pause = new RefusalPause();
  /** When to try again to replace a ticket, after it was in vain. */
  readonly #retryAt = new WeakMap<Credential, number>();
  /** How the ticket-granting ticket was asked for, to ask likewise for the next. */
  #loginOptions: LoginOptions = {};

  constructor(parts: ClientParts, exchanges: ClientExchanges) {
    this.#parts = parts;
    this.#exchanges = exchanges;
    this.#tgtName = krbtgtPrincipal(homeRealm(parts));
    for (const credential of parts.credentials ?? []) this.#tickets.add(credential);
  }

  /** A ticket at hand that is good enough to be handed out without a thought. */
  readyTicket(server: Principal): Credential | undefined {
    const known = this.#valid(server);
    return known === undefined || this.#isDue(known) ? undefined : known;
  }

  /** As `readyTicket`; also one that nothing can be done about. */
  readyTgt(): Credential | undefined {
    const known = this.validTgt();
    return known !== undefined && this.#isDue(known) && this.promising(known) ? undefined : known;
  }

  validTgt(): Credential | undefined {
    return this.#valid(this.#tgtName);
  }

  /** Whether there may ever be a newer ticket-granting ticket than this, or any when there is none. */
  promising(tgt: Credential | undefined): boolean {
    const { keySource, reload } = this.#parts;
    if (keySource !== undefined || reload !== undefined) return true;
    return tgt !== undefined && renewalHelps(tgt, this.#exchanges.now());
  }

  async login(options: LoginOptions, signal: AbortSignal): Promise<AsResult> {
    const result = await this.#exchanges.login(options, signal).catch((error: unknown) => {
      this.#pause.failed(error, this.#exchanges.now());
      throw error;
    });
    this.#pause.lift();
    this.#tickets.add(result.credential, options.service);
    if (options.service === undefined) {
      this.#loginOptions = { ...options, signal: undefined, startSeconds: undefined };
    }
    return result;
  }

  tgt(signal: AbortSignal): Promise<Credential> {
    const known = this.validTgt();
    if (known !== undefined && known === this.readyTgt()) return Promise.resolve(known);
    return this.#orStill(known, signal, () => this.newerTgt(signal));
  }

  /** @param fresh whether to ask the KDC even when there is a ticket */
  serviceTicket(server: Principal, fresh: boolean, signal: AbortSignal): Promise<Credential> {
    const known = fresh ? undefined : this.#valid(server);
    const purpose = `a ${fresh ? 'fresh ' : ''}ticket for ${formatPrincipal(server)}`;
    return this.#orStill(known, signal, () =>
      this.#pending.run(purpose, signal, (shared) => this.#newerTicket(server, known, shared)),
    );
  }

  /** Renews the ticket-granting ticket whether it is due or not. */
  async renewedTgt(signal: AbortSignal): Promise<Credential> {
    const tgt = this.validTgt() ?? (await this.tgt(signal));
    return this.#pending.run('a renewed ticket-granting ticket', signal, (shared) =>
      this.#renew(tgt, shared),
    );
  }

  /** A newer ticket-granting ticket whether it is due or not; the one at hand when there is no way to another. */
  newerTgt(signal: AbortSignal): Promise<Credential> {
    return this.#pending.run('a ticket-granting ticket', signal, async (shared) => {
      const known = this.validTgt();
      return (
        (await this.#reloaded(known)) ?? (await this.#renewedIfBetter(known, shared)) ?? this.#another(shared)
      );
    });
  }

  forget(server: Principal): boolean {
    return this.#tickets.remove(server);
  }

  wipe(): void {
    this.#tickets.wipe();
  }

  #valid(server: Principal): Credential | undefined {
    const credential = this.#tickets.find(server);
    return credential !== undefined && this.#isValid(credential) ? credential : undefined;
  }

  #isValid(credential: Credential): boolean {
    return isValid(credential, this.#exchanges.now(), this.#parts.config.clockSkewSeconds);
  }

  #isDue(credential: Credential): boolean {
    const now = this.#exchanges.now();
    return isDue(credential, now) && (this.#retryAt.get(credential) ?? 0) <= now;
  }

  /** What `get` gives; while that fails, the ticket at hand until its end. */
  async #orStill(
    known: Credential | undefined,
    signal: AbortSignal,
    get: () => Promise<Credential>,
  ): Promise<Credential> {
    try {
      const found = await get();
      if (found === known) this.#retryAt.set(found, this.#exchanges.now() + PATIENCE_SECONDS);
      return found;
    } catch (error) {
      const now = this.#exchanges.now();
      if (known === undefined || signal.aborted || !this.#isValid(known)) throw error;
      if (this.#isDue(known)) {
        this.#retryAt.set(known, isRefusal(error) ? known.endTime : now + PATIENCE_SECONDS);
        this.#tell('ticket.refresh', `Using the ticket ${formatPrincipal(known.server)} on, for now`, error);
      }
      return known;
    }
  }

  async #newerTicket(
    server: Principal,
    known: Credential | undefined,
    signal: AbortSignal,
  ): Promise<Credential> {
    const tgt = await this.tgt(signal);
    // No service ticket outlives the ticket-granting ticket.
    if (known !== undefined && known.endTime >= tgt.endTime) return known;
    try {
      return await this.#kept(await this.#exchanges.serviceTicket(server, tgt, signal), server);
    } catch (error) {
      if (!this.#refusesTgt(error)) throw error;
      this.#tell('tgt.refused', 'The KDC does not take the ticket-granting ticket, logging in', error);
      const next = await this.#tgtInsteadOf(tgt, signal);
      return this.#kept(await this.#exchanges.serviceTicket(server, next, signal), server);
    }
  }

  #refusesTgt(error: unknown): boolean {
    if (this.#parts.keySource === undefined || !(error instanceof KdcError)) return false;
    return TGT_REFUSALS.has(error.code) && error.details.realm === this.#tgtName.realm;
  }

  /** The refused ticket stays, for the refusal is unauthenticated; a login replaces it. */
  async #tgtInsteadOf(refused: Credential, signal: AbortSignal): Promise<Credential> {
    const known = this.validTgt();
    if (known !== undefined && known !== refused) return known;
    return this.#pending.run('another ticket-granting ticket', signal, (shared) => this.#another(shared));
  }

  async #renew(tgt: Credential, signal: AbortSignal): Promise<Credential> {
    return this.#kept(await this.#exchanges.renew(tgt, signal));
  }

  /** The ticket-granting ticket that another program has put into the cache. */
  async #reloaded(known: Credential | undefined): Promise<Credential | undefined> {
    for (const credential of (await this.#parts.reload?.()) ?? []) {
      const newer = credential.endTime > (known?.endTime ?? 0);
      if (newer && samePrincipal(credential.server, this.#tgtName)) this.#tickets.add(credential);
    }
    const found = this.validTgt();
    return found === known || found === undefined || this.#isDue(found) ? undefined : found;
  }

  /** With a key, renewing is worth while only if it gives a whole life, and a KDC that does not renew is left alone. */
  async #renewedIfBetter(
    known: Credential | undefined,
    signal: AbortSignal,
  ): Promise<Credential | undefined> {
    if (known === undefined) return undefined;
    const now = this.#exchanges.now();
    if (this.#parts.keySource === undefined) {
      return renewalHelps(known, now) ? this.#renew(known, signal) : undefined;
    }
    if (!renewalSuffices(known, now)) return undefined;
    try {
      return await this.#renew(known, signal);
    } catch (error) {
      if (!(error instanceof KdcError)) throw error;
      this.#tell('tgt.renew', 'The ticket-granting ticket was not renewed, logging in', error);
      return undefined;
    }
  }

  /** By a login; without a key the one at hand, as long as it is valid. */
  async #another(signal: AbortSignal): Promise<Credential> {
    const { keySource } = this.#parts;
    if (keySource !== undefined) {
      const refusal = this.#pause.current(this.#exchanges.now());
      // Other keys in the keytab end the pause.
      if (refusal !== undefined && !(await keySource.reload?.())) throw refusal;
      return this.#kept((await this.login(this.#loginOptions, signal)).credential);
    }
    const known = this.validTgt();
    if (known === undefined) throw this.#noTgt();
    return known;
  }

  /** Puts the ticket where it is found again. What goes to disk is a copy: `wipe` must not make zeros of it on its way. */
  async #kept(credential: Credential, requested?: Principal): Promise<Credential> {
    const { keep } = this.#parts;
    if (!this.#tickets.add(credential, requested) || keep === undefined) return credential;
    const { etype, value } = credential.sessionKey;
    const sessionKey = new Key(etype, value);
    await keep({ ...credential, sessionKey });
    sessionKey.wipe();
    return credential;
  }

  #noTgt(): CredentialError {
    const name = formatPrincipal(this.#tgtName);
    return this.#tickets.find(this.#tgtName) === undefined
      ? new CredentialError('ERR_NO_TICKET', `there is no ticket ${name}; log in (kinit)`)
      : new CredentialError('ERR_TICKET_EXPIRED', `the ticket ${name} has expired; log in again (kinit)`);
  }

  #tell(event: string, text: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#parts.trace?.({ event, text: `${text}: ${reason}` });
  }
}

/** The realm whose tickets come first: the client's own; that of the ticket at hand when the client is nobody (RFC 8062). */
function homeRealm({ principal, credentials, config }: ClientParts): string {
  if (principal.realm !== ANONYMOUS.realm) return principal.realm;
  const tgt = credentials?.find(({ server }) => samePrincipal(server, krbtgtPrincipal(server.realm)));
  return tgt?.server.realm ?? config.defaultRealm ?? principal.realm;
}
