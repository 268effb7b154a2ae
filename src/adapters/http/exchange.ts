/**
 * The negotiation of one request with one server (RFC 4559 sections 4 and 5), whatever program carries it: tokens out,
 * answers in, and the verdict on each answer. `judge` does not wait for anything, so a response can be held back until it
 * is verified.
 *
 * 1. A 401 that offers Negotiate: `authorization()` gives a token. Every token is a new AP-REQ, for servers refuse replays.
 * 2. A 401 although there was a token: the reason may be in the server's token. Where a new try can help (the service's
 *    key was changed, the token was taken for a replay, the server's certificate is known by now), there is one.
 * 3. Any other status: the server's token is verified.
 */

import { equalBytes, toBase64 } from '../../bytes.js';
import type { Client } from '../../client/client.js';
import { KerberosError } from '../../errors.js';
import { formatPrincipal, type Principal } from '../../formats/principal.js';
import { GSS_FLAGS } from '../../gss/flags.js';
import type { SecurityContext } from '../../gss/securityContext.js';
import { certificateOf, type KnownCertificate, type TokenGuard } from './certificates.js';
import { type NegotiateChallenge, negotiateChallenge } from './challenge.js';
import { authLoop, insecureDelegation, mutualAuthError } from './errors.js';
import type { Settings, Target } from './settings.js';
import { tokenBinding } from './tokenBinding.js';

/** What to do with an answer: hand it out, hand out what is safe of it, or send the request again with a token. */
export type Verdict = 'deliver' | 'sanitize' | 'authenticate';

/** Tokens for one request to one server: the first, and new tries. */
const MOST_TOKENS = 4;
/** Tokens that were made for another connection than the one that was chosen, and therefore never written. */
const MOST_UNSENT = 20;
/** Of so many of them, all are bound to what the first connection showed: servers that take turns come round to it. */
const TURNS = 8;

/** Flags of RFC 4121 section 4.1.1.1 that a token without mutual authentication has. */
const FLAGS_WITHOUT_MUTUAL =
  GSS_FLAGS.replay | GSS_FLAGS.sequence | GSS_FLAGS.confidentiality | GSS_FLAGS.integrity;

/** Refusals that a fresh ticket may cure (RFC 4120 section 7.5.9): the service has got another key. */
const STALE_TICKET: ReadonlySet<string> = new Set([
  'KRB_AP_ERR_MODIFIED',
  'KRB_AP_ERR_BADKEYVER',
  'KRB_AP_ERR_NOKEY',
  'KRB_AP_ERR_BAD_INTEGRITY',
  'KRB_AP_ERR_TKT_EXPIRED',
]);

/** Origins that have proved themselves, for `sessions`. */
const proved = new WeakMap<Client, Set<string>>();

/** One request's negotiation. */
export class NegotiateExchange {
  readonly target: Target;
  readonly #settings: Settings;
  /** undefined when the target may not get a token. */
  readonly client: Client | undefined;
  readonly #cures = new Set<string>();
  #context: SecurityContext | undefined;
  #bound: KnownCertificate | undefined;
  /** The last connection to which a token was not written. */
  #refusing: object | undefined;
  /** A token that the context has ready for the next leg. */
  #ready: Uint8Array | undefined;
  #tokens = 0;
  #unsent = 0;
  #verified = false;
  #refusal: KerberosError | undefined;
  /** The connection was authenticated before: an answer without proof belongs to that proof. */
  connectionProved = false;
  /** Called when the server proves itself. */
  onProved: () => void = () => undefined;

  /** @param client undefined when the target may not get a token; answers are judged all the same */
  constructor(settings: Settings, target: Target, client: Client | undefined) {
    this.#settings = settings;
    this.target = target;
    this.client = client;
  }

  /** Whether the server proved itself in the last answer. */
  get verified(): boolean {
    return this.#verified;
  }

  /** Why the server refused the last token, if it said so. */
  get refusal(): KerberosError | undefined {
    return this.#refusal;
  }

  /** What the last token is bound to. */
  get guard(): TokenGuard | undefined {
    const strict = this.#settings.channelBindings === 'required';
    const refused = (connection: object): void => {
      this.#refusing = connection;
    };
    return this.#bound === undefined ? undefined : { der: this.#bound.der, strict, refused };
  }

  /** Whether the target may get tokens. */
  get allowed(): boolean {
    return this.client !== undefined;
  }

  /** Whether a token was sent already. */
  get begun(): boolean {
    return this.#tokens > 0;
  }

  /**
   * The value of Authorization (or Proxy-Authorization) for the next try.
   * @param connection that carries it, where it is chosen already
   * @throws CredentialError ERR_HTTP_DELEGATION, TransportError ERR_HTTP_CHANNEL_BINDING, ProtocolError
   *   ERR_HTTP_AUTH_LOOP, what `Client.securityContext` throws
   */
  async authorization(signal?: AbortSignal, connection?: object): Promise<string> {
    const ready = this.#ready;
    this.#ready = undefined;
    if (++this.#tokens > MOST_TOKENS) throw authLoop(this.target.origin, MOST_TOKENS);
    const token = ready ?? (await this.#initialToken(signal, connection));
    const { origin } = this.target;
    this.#trace('token', `${origin}: sending a Negotiate token (${token.length} octets)`);
    return `Negotiate ${toBase64(token)}`;
  }

  /** The last token was not written, so it does not count: of servers with one name, each has its own certificate. */
  unsent(): void {
    if (++this.#unsent <= MOST_UNSENT) this.#tokens--;
  }

  /**
   * What to do with an answer.
   * @param headers values of WWW-Authenticate (of a proxy: Proxy-Authenticate), one for each line
   * @param following whether the answer is a redirect that is followed: then it may lack the proof
   * @throws ProtocolError ERR_HTTP_MUTUAL_AUTH, ERR_HTTP_CHALLENGE
   */
  judge(status: number, headers: readonly string[], following = false): Verdict {
    const challenged = status === (this.target.proxy ? 407 : 401);
    this.#verified = false;
    if (challenged) return this.#challenged(negotiateChallenge(headers), status);
    const verdict = this.#answered(status, () => negotiateChallenge(headers).token, following);
    this.end();
    return verdict;
  }

  /** Wipes the context's keys. */
  end(): void {
    this.#context?.delete();
  }

  async #initialToken(signal?: AbortSignal, connection?: object): Promise<Uint8Array> {
    const { mutual, mechanism, delegate } = this.#settings;
    if (delegate !== false && !this.target.secure) throw insecureDelegation(this.target.origin);
    this.#context?.delete();
    if (this.#unsent % TURNS < 2) {
      this.#bound = await tokenBinding(this.target, this.#settings, signal, connection ?? this.#refusing);
    }
    const context = await this.client!.securityContext(this.service, {
      mechanism,
      channelBindings: this.#bound?.bindings,
      ...(mutual === 'disabled' ? { flags: FLAGS_WITHOUT_MUTUAL } : {}),
      ...(delegate === false || this.target.redirected ? {} : { delegate }),
      ...(signal === undefined ? {} : { signal }),
    });
    this.#context = context;
    return context.step().token!;
  }

  /** The service that tokens are for. */
  get service(): string | Principal {
    return this.#settings.serviceAt(this.target);
  }

  /** 401 or 407. */
  #challenged({ offered, token }: NegotiateChallenge, status: number): Verdict {
    const { origin } = this.target;
    this.#trace('challenge', `${origin}: ${status}${offered ? ' offers Negotiate' : ' without Negotiate'}`);
    if (!offered || this.client === undefined) return this.#refused(status);
    return this.#tokens === 0 || this.#mayTryAgain(token) ? 'authenticate' : this.#refused(status);
  }

  /** Takes the server's reason, if it gave one, and says whether another token can help. */
  #mayTryAgain(token: Uint8Array | undefined): boolean {
    if (token !== undefined && this.#nextLeg(token)) return true;
    const code = this.#refusal?.code ?? '';
    if (STALE_TICKET.has(code) && this.#once('ticket')) {
      this.client!.forget(this.service);
      return true;
    }
    if (code === 'KRB_AP_ERR_REPEAT' && this.#once('replay')) return true;
    return this.#bindingsChanged();
  }

  /** Whether the context has another token for the server. */
  #nextLeg(token: Uint8Array): boolean {
    try {
      this.#ready = this.#context!.step(token).token;
    } catch (error) {
      if (!(error instanceof KerberosError)) throw error;
      this.#refusal = error;
    }
    return this.#ready !== undefined;
  }

  #once(cure: string): boolean {
    return this.#cures.size < this.#cures.add(cure).size;
  }

  #bindingsChanged(): boolean {
    const { channelBindings } = this.#settings;
    if (!this.target.secure || channelBindings === 'off') return false;
    const known = certificateOf(this.target);
    if (known?.bindings === undefined) return false;
    return this.#bound === undefined || !equalBytes(known.der, this.#bound.der);
  }

  #refused(status: number): Verdict {
    const { origin } = this.target;
    const reason = this.#refusal?.message ?? (this.begun ? 'it gave no reason' : 'no token was sent');
    this.#trace('refused', `${origin}: ${status} stays: ${reason}`);
    this.#verified = this.#context?.mutuallyAuthenticated ?? false;
    this.end();
    return this.#verified ? 'deliver' : this.#errorVerdict();
  }

  #errorVerdict(): Verdict {
    const { mutual, sanitizeErrors } = this.#settings;
    return mutual === 'required' && sanitizeErrors ? 'sanitize' : 'deliver';
  }

  /** Anything but 401 and 407. */
  #answered(status: number, tokenOf: () => Uint8Array | undefined, following: boolean): Verdict {
    const { mutual } = this.#settings;
    if (mutual === 'disabled') return 'deliver';
    if (this.#verify(tokenOf)) return 'deliver';
    if (mutual === 'optional' || following || this.#session()) return 'deliver';
    if (status >= 400) return this.#errorVerdict();
    throw mutualAuthError(this.target.origin, this.#whyNotProved());
  }

  /** Whether there is a proof; a wrong one is worse than none. */
  #verify(tokenOf: () => Uint8Array | undefined): boolean {
    const { origin } = this.target;
    try {
      const token = tokenOf();
      if (token === undefined) return false;
      if (this.#context === undefined)
        throw mutualAuthError(origin, 'it sent a proof of nothing: no token was sent to it');
      this.#context.step(token);
    } catch (error) {
      if (!(error instanceof KerberosError)) throw error;
      this.end();
      if (error.code === 'ERR_HTTP_MUTUAL_AUTH') throw error;
      throw mutualAuthError(origin, 'its proof is wrong', error);
    }
    if (!this.#context.mutuallyAuthenticated) throw mutualAuthError(origin, 'its proof is not complete');
    this.#proved();
    return true;
  }

  #proved(): void {
    const { origin, secure } = this.target;
    this.#verified = true;
    this.onProved();
    this.#trace('verified', `${origin}: the server has proved itself`);
    if (!secure) return;
    const origins = proved.get(this.client!) ?? new Set();
    proved.set(this.client!, origins.add(origin));
  }

  #session(): boolean {
    if (this.connectionProved) return true;
    const { secure, origin } = this.target;
    const { sessions } = this.#settings;
    return sessions && secure && this.client !== undefined && proved.get(this.client)?.has(origin) === true;
  }

  #whyNotProved(): string {
    if (this.client === undefined)
      return 'its answer has no proof: it is not among the origins that get tokens';
    return this.begun
      ? 'its answer has no proof'
      : 'its answer has no proof, for it asked for no token (preemptive: true sends one unasked)';
  }

  #trace(event: string, text: string): void {
    this.#settings.trace({ event: `http.${event}`, text, data: { origin: this.target.origin } });
  }
}

/**
 * The exchange with a target: with a client if it may get tokens.
 * @param initial the origin that the caller named
 */
export async function exchangeWith(
  settings: Settings,
  target: Target,
  initial: string | undefined,
): Promise<NegotiateExchange> {
  const client = settings.allows(target.origin, initial)
    ? await settings.clientFor(target.origin)
    : undefined;
  if (client !== undefined) traceClient(settings, target, client);
  return new NegotiateExchange(settings, target, client);
}

function traceClient({ trace }: Settings, { origin }: Target, { principal }: Client): void {
  const user = formatPrincipal(principal);
  trace({ event: 'http.client', text: `${origin}: as ${user}`, data: { origin, user } });
}
