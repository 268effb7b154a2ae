/** The exchanges of one client with its KDCs: login, renewal, service tickets; and what they tell of the KDC's clock. */

import { SUPPORTED_ETYPES } from '../crypto/etypes.js';
import { CredentialError, KdcError } from '../errors.js';
import { type AsResult, asExchange } from '../exchange/as.js';
import type { Exchange } from '../exchange/ask.js';
import type { Environment } from '../exchange/environment.js';
import { realmOfTgt, serviceTicket, type TgsRequest, tgsExchange } from '../exchange/tgs.js';
import { intermediateRealms } from '../formats/capaths.js';
import type { Credential } from '../formats/credential.js';
import { weakHint } from '../formats/etypeList.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { KDC_OPTIONS } from '../messages/flags.js';
import { drive } from './drive.js';
import type { KdcConnection } from './kdcConnection.js';
import { type KeySource, refusesKey } from './keySource.js';
import { offeredEtypes, permittedEtypes, policyOf } from './policy.js';
import { type LoginOptions, loginRequest } from './request.js';

/** What exchanges need. */
export interface ExchangeParts {
  readonly principal: Principal;
  readonly config: Krb5Config;
  readonly connection: KdcConnection;
  readonly environment: Environment;
  /** Long-term keys; without them there is no login. */
  readonly keySource?: KeySource | undefined;
  /** The KDC's clock minus ours, seconds. */
  readonly kdcTimeOffsetSeconds?: number | undefined;
}

/** Properties that a ticket takes over from the ticket-granting ticket, as MIT krb5 asks for them. */
const COPIED_FLAGS: number = KDC_OPTIONS.forwardable | KDC_OPTIONS.proxiable | KDC_OPTIONS.renewable;

/** Differences of clocks beyond this (some 136 years) are no clock at all. */
const MAX_OFFSET_SECONDS = 2 ** 32;

export class ClientExchanges {
  readonly #parts: ExchangeParts;
  #offsetSeconds: number;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.#offsetSeconds = parts.kdcTimeOffsetSeconds ?? 0;
  }

  /** The KDC's clock minus ours, seconds. */
  get offsetSeconds(): number {
    return this.#offsetSeconds;
  }

  /** Seconds since 1970 on the KDC's clock, with a fraction. */
  now(): number {
    return this.#parts.environment.nowMs() / 1000 + this.#offsetSeconds;
  }

  /**
   * AS exchange; once more if the key is refused and there are other ones by now.
   * @throws CredentialError ERR_NO_KEY, ERR_KEYTAB_NO_KEY; KdcError and others
   */
  async login(options: LoginOptions, signal: AbortSignal): Promise<AsResult> {
    const { keySource } = this.#parts;
    if (keySource === undefined) throw this.#noKeys();
    await keySource.reload?.();
    try {
      return await this.#as(keySource, options, signal);
    } catch (error) {
      if (!refusesKey(error) || !(await keySource.reload?.())) throw error;
      return this.#as(keySource, options, signal);
    }
  }

  async #as(keySource: KeySource, options: LoginOptions, signal: AbortSignal): Promise<AsResult> {
    const { environment, principal, config } = this.#parts;
    const etypes = keySource.etypes(offeredEtypes(config, 'AS'));
    if (etypes.length === 0) throw this.#noUsableKey(keySource);
    const request = {
      ...loginRequest(principal, config, etypes, this.now() * 1000, options),
      timeOffsetSeconds: this.#offsetSeconds,
    };
    const result = await this.#drive(asExchange(request, environment, policyOf(config)), signal);
    this.#offsetSeconds = result.kdcTimeOffsetSeconds;
    return result;
  }

  /** The ticket-granting ticket renewed (RFC 4120 section 2.3). */
  renew(tgt: Credential, signal: AbortSignal): Promise<Credential> {
    const { environment, config } = this.#parts;
    const request = {
      ...this.#tgsRequest(tgt, tgt.server),
      kdcOptions: KDC_OPTIONS.renew | (tgt.flags & COPIED_FLAGS),
      till: tgt.renewTill || tgt.endTime,
      rtime: tgt.renewTill || undefined,
    };
    return this.#tgs(request, signal, (corrected) => tgsExchange(corrected, environment, policyOf(config)));
  }

  /** A service ticket, from another realm if the KDC says so. */
  serviceTicket(server: Principal, tgt: Credential, signal: AbortSignal): Promise<Credential> {
    const { environment, config } = this.#parts;
    const request = this.#tgsRequest(tgt, server);
    return this.#tgs(request, signal, (corrected) => serviceTicket(corrected, environment, policyOf(config)));
  }

  /**
   * A forwarded ticket-granting ticket without addresses, for another host to use (RFC 4120 section 2.6), as forwardable
   * as `tgt`.
   * @param etype of the session key, if the KDC can: one that the receiver is known to have
   */
  forwardedTgt(tgt: Credential, etype: number, signal: AbortSignal): Promise<Credential> {
    const { environment, config } = this.#parts;
    const offered = offeredEtypes(config, 'TGS');
    const request = {
      ...this.#tgsRequest(tgt, tgt.server),
      kdcOptions: KDC_OPTIONS.forwarded | (tgt.flags & COPIED_FLAGS),
      etypes: offered.includes(etype) ? [etype, ...offered.filter((other) => other !== etype)] : offered,
    };
    return this.#tgs(request, signal, (corrected) => tgsExchange(corrected, environment, policyOf(config)));
  }

  #tgsRequest(tgt: Credential, server: Principal): TgsRequest {
    return {
      tgt,
      server: server.realm === '' ? { ...server, realm: realmOfTgt(tgt) } : server,
      kdcOptions: KDC_OPTIONS.canonicalize | (tgt.flags & COPIED_FLAGS),
      etypes: offeredEtypes(this.#parts.config, 'TGS'),
      timeOffsetSeconds: this.#offsetSeconds,
      realmPath: this.#realmPath(tgt.client.realm, server.realm),
    };
  }

  /** What [capaths] says; without it the KDCs lead the way. */
  #realmPath(from: string, to: string): readonly string[] | undefined {
    const between = to === '' ? undefined : intermediateRealms(this.#parts.config, from, to);
    return between === undefined ? undefined : [from, ...between, to];
  }

  /**
   * Runs a TGS exchange; with `kdc_timesync` once more by the KDC's clock if that differs. Only a ticket that comes of it
   * proves that clock, for the KRB-ERROR is unauthenticated.
   */
  async #tgs(
    request: TgsRequest,
    signal: AbortSignal,
    exchange: (request: TgsRequest) => Exchange<Credential>,
  ): Promise<Credential> {
    try {
      return await this.#drive(exchange(request), signal);
    } catch (error) {
      const offset = this.#measuredOffset(error, request);
      if (offset === undefined) throw error;
      const credential = await this.#drive(exchange({ ...request, timeOffsetSeconds: offset }), signal);
      this.#offsetSeconds = offset;
      return credential;
    }
  }

  /** The clock of our own KDC, when it differs from what we went by and the configuration lets us follow it. */
  #measuredOffset(error: unknown, { tgt, timeOffsetSeconds }: TgsRequest): number | undefined {
    if (!(error instanceof KdcError) || error.code !== 'KRB_AP_ERR_SKEW') return undefined;
    const { realm, skewSeconds } = error.details;
    const offset = Math.round(skewSeconds);
    const usable = this.#parts.config.kdcTimesync && realm === realmOfTgt(tgt);
    return usable && offset !== timeOffsetSeconds && Math.abs(offset) <= MAX_OFFSET_SECONDS
      ? offset
      : undefined;
  }

  #drive<Result>(exchange: Exchange<Result>, signal: AbortSignal): Promise<Result> {
    const { connection, keySource } = this.#parts;
    return drive(exchange, {
      kdc: (question) => connection(question, signal),
      key: (question) => {
        if (keySource === undefined) throw this.#noKeys();
        return keySource.key(question);
      },
    });
  }

  #noKeys(): CredentialError {
    const name = formatPrincipal(this.#parts.principal);
    return new CredentialError(
      'ERR_NO_KEY',
      `cannot log in as ${name}: there is neither a password nor a keytab`,
    );
  }

  #noUsableKey(keySource: KeySource): CredentialError {
    const { principal, config } = this.#parts;
    const name = formatPrincipal(principal);
    const hint = weakHint(keySource.etypes(SUPPORTED_ETYPES), permittedEtypes(config));
    return new CredentialError(
      'ERR_KEYTAB_NO_KEY',
      `the keytab has no key of ${name} in an encryption type that may be used${hint}`,
    );
  }
}
