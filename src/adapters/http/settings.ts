/** Options of the entries, checked and completed. */
import type { Client } from '../../client/client.js';
import type { Principal } from '../../formats/principal.js';
import type { Trace } from '../../trace.js';
import type { ChannelBindingPolicy, MutualAuthentication, NegotiateOptions } from './options.js';

/** One side of a negotiation: an origin server, or a proxy. */
export interface Target {
  /** `https://www.example.test`; the port only where it is not the scheme's own. */
  readonly origin: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether the connection to it is TLS. */
  readonly secure: boolean;
  readonly proxy: boolean;
  /** Whether a redirect led here from another origin. */
  readonly redirected: boolean;
  /** Name in the TLS handshake where it is not `host`. */
  readonly servername?: string | undefined;
}

/** Options with their defaults. */
export interface Settings {
  readonly mutual: MutualAuthentication;
  readonly sanitizeErrors: boolean;
  readonly preemptive: boolean;
  readonly mechanism: 'spnego' | 'krb5';
  readonly delegate: boolean | 'ok-as-delegate';
  readonly channelBindings: ChannelBindingPolicy;
  readonly sessions: boolean;
  readonly replayLimit: number | undefined;
  readonly trace: Trace;
  /** Whether the origin may get a token. */
  allows(origin: string, initial: string | undefined): boolean;
  /** Whose tickets the origin gets. */
  clientFor(origin: string): Client | undefined | Promise<Client | undefined>;
  /** The service at the target. */
  serviceAt(target: Target): string | Principal;
}

/**
 * Checks what the caller passed.
 * @throws TypeError, RangeError naming the option
 */
export function settingsOf(options: NegotiateOptions): Settings {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('options must be an object such as { client }');
  checkClient(options.client);
  checkFlags(options);
  checkTexts(options);
  const { replayLimit, client } = options;
  if (replayLimit !== undefined && !(Number.isInteger(replayLimit) && replayLimit >= 0)) {
    throw new RangeError('replayLimit must be a number of octets');
  }
  return {
    mutual: choice(options.mutual, ['required', 'optional', 'disabled'], 'mutual'),
    sanitizeErrors: options.sanitizeErrors ?? true,
    preemptive: options.preemptive ?? false,
    mechanism: choice(options.mechanism, ['spnego', 'krb5'], 'mechanism'),
    delegate: delegation(options.delegate),
    channelBindings: choice(options.channelBindings, ['auto', 'required', 'off'], 'channelBindings'),
    sessions: options.sessions ?? false,
    replayLimit,
    trace: options.trace ?? (() => undefined),
    allows: allowList(options.origins),
    clientFor: typeof client === 'function' ? async (origin) => chosen(await client(origin)) : () => client,
    serviceAt: (target) => serviceAt(target, options),
  };
}

function isClient(value: unknown): value is Client {
  return typeof (value as Client | null | undefined)?.securityContext === 'function';
}

function checkClient(client: unknown): void {
  if (!isClient(client) && typeof client !== 'function') {
    throw new TypeError(
      'client must be a Client (fromPassword, fromKeytab, fromCcache), or a function that gives one',
    );
  }
}

/** What the caller's function gave. */
function chosen(client: unknown): Client | undefined {
  if (client === undefined || isClient(client)) return client;
  throw new TypeError('client must give a Client, or undefined for an origin that gets no token');
}

function checkTexts({ hostname, trace }: NegotiateOptions): void {
  if (hostname !== undefined && typeof hostname !== 'string')
    throw new TypeError('hostname must be a host name');
  if (trace !== undefined && typeof trace !== 'function') throw new TypeError('trace must be a function');
}

/** A misspelt `'true'` must not count as true. */
function checkFlags(options: NegotiateOptions & { readonly connectionBound?: unknown }): void {
  for (const name of ['sanitizeErrors', 'preemptive', 'sessions', 'connectionBound'] as const) {
    const value = options[name];
    if (value !== undefined && typeof value !== 'boolean')
      throw new TypeError(`${name} must be true or false`);
  }
}

/** `value`, or the first of `allowed` when there is none. */
function choice<Choice extends string>(
  value: Choice | undefined,
  allowed: readonly [Choice, ...Choice[]],
  name: string,
): Choice {
  if (value === undefined) return allowed[0];
  if (allowed.includes(value)) return value;
  throw new TypeError(`${name} must be ${allowed.map((one) => `'${one}'`).join(' or ')}`);
}

function delegation(value: NegotiateOptions['delegate']): boolean | 'ok-as-delegate' {
  if (value === undefined || typeof value === 'boolean' || value === 'ok-as-delegate') return value ?? false;
  throw new TypeError("delegate must be true, false or 'ok-as-delegate'");
}

function allowList(origins: NegotiateOptions['origins']): Settings['allows'] {
  if (origins === undefined) return (origin, initial) => origin === initial;
  if (typeof origins === 'function') return (origin) => origins(origin) === true;
  if (!Array.isArray(origins)) throw new TypeError('origins must be a list or a function');
  const list = new Set(origins.map((origin) => originOf(origin)));
  return (origin) => list.has(origin);
}

/** The text as a URL writes it. */
function originOf(text: unknown): string {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !isHttp(url) || url.href !== `${url.origin}/`) {
    // Not shown: there may be a password in it.
    throw new TypeError('origins must be origins such as https://www.example.test, without user and path');
  }
  return url.origin;
}

/** Whether the URL is of HTTP. */
export function isHttp({ protocol }: { readonly protocol: string }): boolean {
  return protocol === 'http:' || protocol === 'https:';
}

/** The side of a negotiation that a URL names. */
export function targetOf(url: URL, more: Partial<Target> = {}): Target {
  const secure = url.protocol === 'https:';
  return {
    origin: url.origin,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    secure,
    proxy: false,
    redirected: false,
    ...more,
  };
}

function serviceAt({ origin, host }: Target, { service, hostname }: NegotiateOptions): string | Principal {
  const named = (typeof service === 'function' ? service(origin) : service) ?? 'HTTP';
  return typeof named === 'string' && !/[@/]/.test(named) ? `${named}@${hostname ?? host}` : named;
}
