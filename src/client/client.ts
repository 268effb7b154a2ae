/**
 * A client principal with its tickets: log in, get service tickets, start security contexts. Nothing is shared between
 * clients, so one program can act as several principals at once.
 */
import { CredentialError } from '../errors.js';
import { type AsResult, asExchange } from '../exchange/as.js';
import type { Exchange } from '../exchange/ask.js';
import type { Environment } from '../exchange/environment.js';
import { realmOfTgt, serviceTicket, type TgsRequest, tgsExchange } from '../exchange/tgs.js';
import type { CredentialCache } from '../formats/ccache.js';
import type { Credential } from '../formats/credential.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { formatPrincipal, krbtgtPrincipal, type Principal } from '../formats/principal.js';
import type { ChannelBindings } from '../gss/bindings.js';
import { InitiatorContext } from '../gss/context.js';
import type { SecurityContext } from '../gss/securityContext.js';
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../messages/flags.js';
import { SpnegoInitiator } from '../spnego/negotiate.js';
import type { Trace } from '../trace.js';
import { drive } from './drive.js';
import type { KdcConnection } from './kdcConnection.js';
import type { KeySource } from './keySource.js';
import { offeredEtypes, policyOf } from './policy.js';
import { type LoginOptions, loginRequest } from './request.js';
import { parseServiceName } from './serviceName.js';
import { SingleFlight } from './singleFlight.js';
import { Tickets } from './tickets.js';

/** What a client is made of; the functions of identities.ts put it together. */
export interface ClientParts {
  readonly principal: Principal;
  readonly config: Krb5Config;
  readonly connection: KdcConnection;
  readonly environment: Environment;
  readonly trace?: Trace | undefined;
  /** Long-term keys; without them there are only the tickets of `credentials`. */
  readonly keySource?: KeySource | undefined;
  /** Tickets to begin with. */
  readonly credentials?: readonly Credential[] | undefined;
  /** The KDC's clock minus ours, seconds. */
  readonly kdcTimeOffsetSeconds?: number | undefined;
  /** Called with each service ticket that comes from a KDC, to keep it; must not reject. */
  readonly keep?: ((credential: Credential) => Promise<void>) | undefined;
}

/** How to start a security context. */
export interface ContextOptions {
  /** `spnego` (default) wraps krb5 tokens in RFC 4178, as HTTP Negotiate wants them. */
  readonly mechanism?: 'spnego' | 'krb5' | undefined;
  /** GSS_FLAGS; mutual, replay, sequence, confidentiality and integrity unless given. */
  readonly flags?: number | undefined;
  readonly channelBindings?: ChannelBindings | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How to get a service ticket. */
export interface TicketOptions {
  /** Asks the KDC even when a ticket is at hand. */
  readonly fresh?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A principal that can log in and get tickets. Make one with `Client.fromPassword` and its like. */
export class Client {
  readonly principal: Principal;
  readonly config: Krb5Config;
  readonly #parts: ClientParts;
  readonly #tickets = new Tickets();
  readonly #pending = new SingleFlight<Credential>();
  #offsetSeconds: number;

  constructor(parts: ClientParts) {
    this.principal = parts.principal;
    this.config = parts.config;
    this.#parts = parts;
    this.#offsetSeconds = parts.kdcTimeOffsetSeconds ?? 0;
    for (const credential of parts.credentials ?? []) this.#tickets.add(credential);
  }

  /**
   * Logs in: a fresh initial ticket from the KDC, by default a ticket-granting ticket.
   * @throws CredentialError ERR_NO_KEY when this client has no password or keytab
   * @throws KdcError, ProtocolError, CryptoError, TransportError
   */
  async login(options: LoginOptions = {}): Promise<AsResult> {
    const { keySource, environment } = this.#parts;
    if (keySource === undefined) throw this.#noKeys();
    const etypes = keySource.etypes(offeredEtypes(this.config, 'AS'));
    if (etypes.length === 0) throw this.#noUsableKey();
    const request = loginRequest(this.principal, this.config, etypes, environment.nowMs(), options);
    const exchange = asExchange(request, environment, policyOf(this.config));
    const result = await this.#drive(exchange, options.signal);
    this.#offsetSeconds = result.kdcTimeOffsetSeconds;
    this.#tickets.add(result.credential, request.server);
    return result;
  }

  /**
   * The ticket-granting ticket, from memory or by a login.
   * @throws CredentialError ERR_NO_TICKET, ERR_TICKET_EXPIRED; what `login` throws
   */
  async ticketGrantingTicket(signal?: AbortSignal): Promise<Credential> {
    const server = krbtgtPrincipal(this.principal.realm);
    const known = this.#tickets.find(server, this.#now());
    if (known !== undefined) return known;
    if (this.#parts.keySource === undefined) throw this.#noTgt(server);
    return this.#pending.run('a ticket-granting ticket', signal, async (shared) => {
      return (await this.login({ signal: shared })).credential;
    });
  }

  /**
   * A ticket for a service, from memory or from the KDC. Concurrent calls for one service share one request.
   * @param service `HTTP@www.example.test`, `HTTP/www.example.test[@REALM]` or a principal
   * @throws KdcError, ProtocolError, CryptoError, TransportError, CredentialError, FormatError
   */
  async serviceTicket(service: string | Principal, options: TicketOptions = {}): Promise<Credential> {
    const server = typeof service === 'string' ? parseServiceName(service, this.config) : service;
    const known = options.fresh === true ? undefined : this.#tickets.find(server, this.#now());
    if (known !== undefined) return known;
    return this.#pending.run(`a ticket for ${formatPrincipal(server)}`, options.signal, (shared) =>
      this.#fetchTicket(server, shared),
    );
  }

  /**
   * Starts a security context: gets the ticket, and the context's first `step()` gives the token.
   * @param service as in `serviceTicket`
   */
  async securityContext(service: string | Principal, options: ContextOptions = {}): Promise<SecurityContext> {
    const credential = await this.serviceTicket(service, { signal: options.signal });
    const context = new InitiatorContext(
      {
        credential,
        flags: options.flags,
        channelBindings: options.channelBindings,
        timeOffsetSeconds: this.#offsetSeconds,
      },
      this.#parts.environment,
    );
    return options.mechanism === 'krb5' ? context : new SpnegoInitiator(context);
  }

  /**
   * Renews the ticket-granting ticket (RFC 4120 section 2.3).
   * @throws CredentialError ERR_NO_TICKET, ERR_TICKET_EXPIRED; KdcError and others
   */
  async renew(signal?: AbortSignal): Promise<Credential> {
    const tgt = await this.ticketGrantingTicket(signal);
    const credential = await this.#drive(
      tgsExchange(
        {
          ...this.#tgsRequest(tgt, tgt.server),
          kdcOptions: KDC_OPTIONS.renew | (tgt.flags & COPIED_FLAGS),
          till: tgt.renewTill || tgt.endTime,
          rtime: tgt.renewTill || undefined,
        },
        this.#parts.environment,
        policyOf(this.config),
      ),
      signal,
    );
    this.#tickets.add(credential);
    return credential;
  }

  /** The state as a credential cache holds it: a login's ticket with its clock offset. */
  credentialCache(result: AsResult): CredentialCache {
    const { kdcTimeOffsetSeconds: seconds, credential } = result;
    return {
      version: 4,
      ...(seconds === 0 ? {} : { kdcTimeOffset: { seconds, microseconds: 0 } }),
      defaultPrincipal: credential.client,
      credentials: [credential],
      config: [],
    };
  }

  /** Wipes keys and tickets. The client cannot be used afterwards. */
  dispose(): void {
    this.#parts.keySource?.dispose();
    this.#tickets.clear();
  }

  async #fetchTicket(server: Principal, signal: AbortSignal | undefined): Promise<Credential> {
    const tgt = await this.ticketGrantingTicket(signal);
    const request = this.#tgsRequest(tgt, server);
    const exchange = serviceTicket(request, this.#parts.environment, policyOf(this.config));
    const credential = await this.#drive(exchange, signal);
    this.#tickets.add(credential, server);
    await this.#parts.keep?.(credential);
    return credential;
  }

  #tgsRequest(tgt: Credential, server: Principal): TgsRequest {
    return {
      tgt,
      server: server.realm === '' ? { ...server, realm: realmOfTgt(tgt) } : server,
      kdcOptions: KDC_OPTIONS.canonicalize | (tgt.flags & COPIED_FLAGS),
      etypes: offeredEtypes(this.config, 'TGS'),
      timeOffsetSeconds: this.#offsetSeconds,
    };
  }

  #drive<Result>(exchange: Exchange<Result>, signal: AbortSignal | undefined): Promise<Result> {
    const { connection, keySource } = this.#parts;
    return drive(exchange, {
      kdc: (question) => connection(question, signal),
      key: (question) => {
        if (keySource === undefined) throw this.#noKeys();
        return keySource.key(question);
      },
    });
  }

  #now(): number {
    return this.#parts.environment.nowMs() / 1000 + this.#offsetSeconds;
  }

  #noKeys(): CredentialError {
    const name = formatPrincipal(this.principal);
    return new CredentialError(
      'ERR_NO_KEY',
      `cannot log in as ${name}: there is neither a password nor a keytab`,
    );
  }

  #noUsableKey(): CredentialError {
    const name = formatPrincipal(this.principal);
    return new CredentialError(
      'ERR_KEYTAB_NO_KEY',
      `the keytab has no key of ${name} in an encryption type that may be used`,
    );
  }

  #noTgt(server: Principal): CredentialError {
    const expired = this.#parts.credentials?.some(
      (credential) => formatPrincipal(credential.server) === formatPrincipal(server),
    );
    const name = formatPrincipal(server);
    return expired === true
      ? new CredentialError('ERR_TICKET_EXPIRED', `the ticket ${name} has expired; log in again (kinit)`)
      : new CredentialError('ERR_NO_TICKET', `there is no ticket ${name}; log in (kinit)`);
  }
}

/** Properties that a service ticket takes over from the ticket-granting ticket, as MIT krb5 asks for them. */
const COPIED_FLAGS: number = KDC_OPTIONS.forwardable | KDC_OPTIONS.proxiable | KDC_OPTIONS.renewable;

/** Whether a ticket can be renewed. */
export function isRenewable(credential: Credential): boolean {
  return hasFlag(credential.flags, TICKET_FLAGS.renewable);
}
