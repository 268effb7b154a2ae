/**
 * A client principal with its tickets: log in, get service tickets, start security contexts. Nothing is shared between
 * clients, so one program can act as several principals at once. A ticket that nears its end is replaced by the way
 * (lifetime.ts says when), in the background only when `keepFresh` asks for it.
 */
/// <reference lib="esnext.disposable" preserve="true" />

import type { AsResult } from '../exchange/as.js';
import type { CredentialCache } from '../formats/ccache.js';
import type { Credential } from '../formats/credential.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import type { Principal } from '../formats/principal.js';
import { InitiatorContext, requireAnonymity } from '../gss/context.js';
import type { SecurityContext } from '../gss/securityContext.js';
import { krb5Mechanisms } from '../spnego/mechanisms.js';
import { SpnegoInitiator } from '../spnego/negotiate.js';
import { checkService } from './arguments.js';
import {
  type ContextOptions,
  checkContextOptions,
  contextFlags,
  delegationPolicy,
} from './contextOptions.js';
import { type ClientParts, Credentials } from './credentials.js';
import { type DelegationSource, delegation } from './delegation.js';
import { ClientExchanges } from './exchanges.js';
import { Lifespan } from './lifespan.js';
import { loginContents } from './loginContents.js';
import { permittedEtypes } from './policy.js';
import { type KeepFreshOptions, Refresh, type RefreshFailure } from './refresh.js';
import type { LoginOptions } from './request.js';
import { parseServiceName } from './serviceName.js';

export type { ContextOptions } from './contextOptions.js';
export type { ClientParts } from './credentials.js';
export { isRenewable } from './lifetime.js';

/** How to get a service ticket. */
export interface TicketOptions {
  /** Asks the KDC even when a ticket is at hand. */
  readonly fresh?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A principal that can log in and get tickets. Make one with `fromPassword` and its like. */
export class Client implements Disposable {
  readonly principal: Principal;
  readonly config: Krb5Config;
  readonly #parts: ClientParts;
  readonly #exchanges: ClientExchanges;
  readonly #credentials: Credentials;
  readonly #life = new Lifespan();
  readonly #refreshes = new Set<() => void>();

  constructor(parts: ClientParts) {
    this.principal = parts.principal;
    this.config = parts.config;
    this.#parts = parts;
    this.#exchanges = new ClientExchanges(parts);
    this.#credentials = new Credentials(parts, this.#exchanges);
  }

  /**
   * Logs in: a fresh initial ticket from the KDC, by default a ticket-granting ticket. Lifetimes and flags are asked for
   * again when this client logs in by itself later. After a refusal of the key it does so at most once an hour, and
   * rejects with that refusal meanwhile: each one may count towards the account's lock. This method always asks.
   * @throws CredentialError ERR_NO_KEY when this client has no password or keytab; ERR_DISPOSED
   * @throws KdcError, ProtocolError, CryptoError, TransportError
   */
  login(options: LoginOptions = {}): Promise<AsResult> {
    return this.#life.during(options.signal, (signal) => this.#credentials.login(options, signal));
  }

  /**
   * The ticket-granting ticket. One that nears its end is first replaced: taken from the credential cache if somebody
   * renewed it there, renewed, or got by a login. When that fails, the old one is given until its end.
   * @throws CredentialError ERR_NO_TICKET, ERR_TICKET_EXPIRED, ERR_DISPOSED; what `login` throws
   */
  async ticketGrantingTicket(signal?: AbortSignal): Promise<Credential> {
    this.#life.check();
    const ready = this.#credentials.readyTgt();
    return ready ?? this.#life.during(signal, (during) => this.#credentials.tgt(during));
  }

  /**
   * A ticket for a service, from memory or from the KDC. Concurrent calls for one service share one request.
   * @param service `HTTP@www.example.test`, `HTTP/www.example.test[@REALM]` or a principal
   * @throws KdcError, ProtocolError, CryptoError, TransportError, CredentialError, FormatError
   */
  async serviceTicket(service: string | Principal, options: TicketOptions = {}): Promise<Credential> {
    this.#life.check();
    const server = this.#server(service);
    const fresh = options.fresh === true;
    const ready = fresh ? undefined : this.#credentials.readyTicket(server);
    if (ready !== undefined) return ready;
    return this.#life.during(options.signal, (during) =>
      this.#credentials.serviceTicket(server, fresh, during),
    );
  }

  /**
   * Drops the ticket for a service that refused it, for example because its key was changed: the next call asks the KDC.
   * @param service as in `serviceTicket`
   * @returns whether there was a ticket
   * @throws FormatError ERR_PRINCIPAL_NAME
   */
  forget(service: string | Principal): boolean {
    return this.#credentials.forget(this.#server(service));
  }

  /**
   * Starts a security context: gets the ticket, and the context's first `step()` gives the token.
   * @param service as in `serviceTicket`
   * @throws CredentialError ERR_DELEGATION, ERR_NOT_ANONYMOUS; what `serviceTicket` throws
   */
  async securityContext(service: string | Principal, options: ContextOptions = {}): Promise<SecurityContext> {
    checkContextOptions(options);
    const flags = contextFlags(options, this.config);
    requireAnonymity(flags, this.principal);
    const credential = await this.serviceTicket(service, { signal: options.signal });
    const policy = delegationPolicy(options, this.config);
    const delegated = await this.#life.during(options.signal, (during) =>
      delegation(policy, credential, this.#delegationSource(), during),
    );
    const newContext = (): InitiatorContext =>
      new InitiatorContext(
        {
          credential,
          flags,
          channelBindings: options.channelBindings,
          delegation: delegated,
          permittedEtypes: permittedEtypes(this.config),
          anomalies: options.anomalies,
          timeOffsetSeconds: this.#exchanges.offsetSeconds,
        },
        this.#parts.environment,
      );
    if (options.mechanism === 'krb5') return newContext();
    return new SpnegoInitiator(krb5Mechanisms(newContext, options.spnegoMechanisms));
  }

  /**
   * Renews the ticket-granting ticket now (RFC 4120 section 2.3); concurrent calls share one request.
   * @throws CredentialError ERR_NO_TICKET, ERR_TICKET_EXPIRED, ERR_DISPOSED; KdcError and others
   */
  renew(signal?: AbortSignal): Promise<Credential> {
    return this.#life.during(signal, (during) => this.#credentials.renewedTgt(during));
  }

  /**
   * Keeps the ticket-granting ticket fresh in the background from now on: logs in if there is none, and replaces it when
   * half of its life has passed. After a failure it tries again, waiting from one second up to ten minutes, after a
   * refusal of key or account an hour. Its timer does not keep the program running.
   * @returns ends it; so do the signal and `dispose()`
   * @throws CredentialError ERR_DISPOSED
   */
  keepFresh(options: KeepFreshOptions = {}): () => void {
    this.#life.check();
    if (options.signal?.aborted) return () => undefined;
    const refresh = new Refresh({
      now: () => this.#exchanges.now(),
      random: () => this.#parts.environment.randomBytes(1)[0]! / 256,
      current: () => this.#credentials.validTgt(),
      promising: (credential) => this.#credentials.promising(credential),
      refresh: (signal) => this.#life.during(signal, (during) => this.#credentials.newerTgt(during)),
      failed: (failure) => this.#refreshFailed(failure, options),
    });
    const stop = () => {
      options.signal?.removeEventListener('abort', stop);
      this.#refreshes.delete(stop);
      refresh.stop();
    };
    options.signal?.addEventListener('abort', stop, { once: true });
    this.#refreshes.add(stop);
    return stop;
  }

  /** The state as a credential cache holds it: a login's ticket, its clock offset, and the notes that MIT krb5 makes. */
  credentialCache(result: AsResult): CredentialCache {
    return { version: 4, defaultPrincipal: result.credential.client, ...loginContents(result) };
  }

  /**
   * Wipes keys and tickets, aborts requests and ends refreshing; whatever is called afterwards rejects with ERR_DISPOSED.
   * Established security contexts live on, for they have keys of their own; one that waits for the acceptor cannot.
   */
  dispose(): void {
    this.#life.end();
    for (const stop of this.#refreshes) stop();
    this.#parts.keySource?.dispose();
    this.#credentials.wipe();
  }

  /** `dispose()`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #delegationSource(): DelegationSource {
    const { environment, trace } = this.#parts;
    return {
      tgt: (signal) => this.#credentials.tgt(signal),
      forwardedTgt: (tgt, etype, signal) => this.#exchanges.forwardedTgt(tgt, etype, signal),
      environment,
      trace,
    };
  }

  #server(service: string | Principal): Principal {
    checkService(service);
    return typeof service === 'string' ? parseServiceName(service, this.config) : service;
  }

  #refreshFailed(failure: RefreshFailure, { onFailure }: KeepFreshOptions): void {
    const { error, retryInSeconds } = failure;
    const reason = error instanceof Error ? error.message : String(error);
    const next = retryInSeconds === undefined ? 'giving up' : `again in ${Math.ceil(retryInSeconds)} s`;
    this.#parts.trace?.({ event: 'tgt.refresh', text: `Refreshing failed, ${next}: ${reason}` });
    onFailure?.(failure);
  }
}
