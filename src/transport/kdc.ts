/**
 * Sending a request to the KDCs of a realm and taking the first answer (RFC 4120 section 7.2). Which protocol comes
 * first is decided by the message's length; KRB_ERR_RESPONSE_TOO_BIG is the exchange's to see, which then asks again with
 * `tcpOnly`. Retries and pauses are described in race.ts.
 */
import { printable, requireOctets } from '../bytes.js';
import { KerberosError, TransportError } from '../errors.js';
import type { Trace } from '../trace.js';
import { MAX_MESSAGE_OCTETS, MAX_REPLY_OCTETS } from './framing.js';
import { type Endpoint, endpointText, type KdcServer, type Protocol, serverText } from './kdcServer.js';
import { type Lookup, lookupHost } from './lookup.js';
import { Race, type RaceEvents, type RaceSettings, type Step, type Timing } from './race.js';
import { isKdcReply, isKpasswdReply, messageName } from './reply.js';

export type { KdcServer } from './kdcServer.js';

/** How and how long to ask. */
export interface SendOptions {
  /** Whose KDCs these are; for messages only. */
  readonly realm: string;
  /** Messages of more octets go over TCP first; 1 means TCP first. */
  readonly udpPreferenceLimit: number;
  /** Never use UDP: for a reply that does not fit a datagram. */
  readonly tcpOnly?: boolean | undefined;
  /** When to give up altogether, milliseconds from the call. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly trace?: Trace | undefined;
  /** Longest TCP reply that is read; 1 MiB by default. */
  readonly maxReplyOctets?: number | undefined;
  /** What is asked; decides what passes for a reply. `kerberos` by default. */
  readonly service?: Service | undefined;
  /** Whether another server may do better than this reply (MIT krb5: KDC_ERR_SVC_UNAVAILABLE); it is kept in case none does. */
  readonly preferAnother?: ((reply: Uint8Array) => boolean) | undefined;
  /** What the trace tells of a reply beside its name. */
  readonly describeReply?: ((reply: Uint8Array) => string | undefined) | undefined;
  /** Pauses other than MIT krb5's; for tests. */
  readonly timing?: Partial<Timing> | undefined;
  /** Name resolution other than the system's; for tests. */
  readonly lookup?: Lookup | undefined;
}

/** The KDC's own service, or the password service of RFC 3244. */
export type Service = 'kerberos' | 'kpasswd';

const SERVICES = {
  kerberos: { noun: 'KDC', setting: 'kdc', isReply: isKdcReply },
  kpasswd: { noun: 'password server', setting: 'kpasswd_server', isReply: isKpasswdReply },
} as const;

/** MIT krb5's: 1 s between servers, three passes, 10 s for TCP. */
const TIMING: Timing = {
  staggerMs: 1000,
  retransmitMs: 2000,
  passes: 3,
  connectTimeoutMs: 10_000,
  holdMs: 10_000,
  lookupTimeoutMs: 5000,
};

/** The longest time that setTimeout takes. */
const MAX_TIMEOUT_MS = 0x7fffffff;

/**
 * Sends `message` to `servers`, in their order but without waiting long for any, over both protocols, and returns the
 * first reply. The reply's sender is not authenticated.
 * @throws TransportError ERR_KDC_UNKNOWN when `servers` is empty
 * @throws TransportError ERR_KDC_UNREACHABLE when none answered; `attempts` says why of each
 * @throws TransportError ERR_REPLY_TOO_LARGE when none answered but one whose reply exceeds `maxReplyOctets`
 * @throws TransportError ERR_ABORTED with the signal's reason as `cause`
 * @throws TypeError or RangeError naming a wrong argument
 */
export async function sendToKdc(
  message: Uint8Array,
  servers: readonly KdcServer[],
  options: SendOptions,
): Promise<Uint8Array> {
  checkArguments(message, servers, options);
  if (options.signal?.aborted) throw aborted(options, undefined);
  if (servers.length === 0) throw noServers(options);
  const race = new Race(raceSettings(message, options));
  const steps = stepsFor(message, servers, options);
  if (steps.length === 0) throw noTcp(servers, options);
  const timedOut = await runUntilStopped(race, steps, options);
  if (options.signal?.aborted) throw aborted(options, race);
  if (race.reply !== undefined) return race.reply;
  throw unreachable(race, options, timedOut);
}

/** Runs the race under the deadline and the signal; returns whether the deadline ended it. */
async function runUntilStopped(race: Race, steps: readonly Step[], options: SendOptions): Promise<boolean> {
  let timedOut = false;
  const stop = () => race.stop();
  const deadline = setTimeout(
    () => {
      timedOut = true;
      race.stop();
    },
    Math.min(options.timeoutMs, MAX_TIMEOUT_MS),
  );
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    await race.run(steps);
  } finally {
    clearTimeout(deadline);
    options.signal?.removeEventListener('abort', stop);
  }
  return timedOut;
}

/** Every server with the preferred protocol, then every server with the other one. */
function stepsFor(message: Uint8Array, servers: readonly KdcServer[], options: SendOptions): Step[] {
  if (options.tcpOnly) return stepsWith('tcp', servers);
  const tcpFirst = message.length > options.udpPreferenceLimit;
  const order: readonly Protocol[] = tcpFirst ? ['tcp', 'udp'] : ['udp', 'tcp'];
  return order.flatMap((protocol) => stepsWith(protocol, servers));
}

function stepsWith(protocol: Protocol, servers: readonly KdcServer[]): Step[] {
  return servers
    .filter((server) => (server.protocol ?? protocol) === protocol)
    .map((server) => ({ server, protocol }));
}

function raceSettings(message: Uint8Array, options: SendOptions): RaceSettings {
  const timing = { ...TIMING, ...options.timing };
  return {
    request: {
      message,
      isReply: SERVICES[options.service ?? 'kerberos'].isReply,
      maxReplyOctets: options.maxReplyOctets ?? MAX_REPLY_OCTETS,
      connectTimeoutMs: timing.connectTimeoutMs,
    },
    timing,
    lookup: options.lookup ?? lookupHost,
    preferAnother: options.preferAnother ?? (() => false),
    events: raceTrace(message, options),
  };
}

function raceTrace(message: Uint8Array, { trace, realm, describeReply }: SendOptions): RaceEvents {
  const request = messageName(message);
  return {
    sent(endpoint) {
      const text = `Sending ${request} (${message.length} octets) to ${endpointText(endpoint)}`;
      trace?.({ event: 'kdc.send', text, data: messageData(realm, endpoint, request, message) });
    },
    received(endpoint, reply) {
      const name = messageName(reply);
      const detail = describeReply?.(reply);
      const shown = detail === undefined ? name : `${name} ${detail}`;
      const text = `Received ${shown} (${reply.length} octets) from ${endpointText(endpoint)}`;
      trace?.({ event: 'kdc.receive', text, data: messageData(realm, endpoint, name, reply) });
    },
    failed({ server, protocol }, outcome) {
      const data = { realm, server: serverText(server), protocol, outcome };
      trace?.({ event: 'kdc.attempt', text: `${protocol} ${data.server}: ${printable(outcome)}`, data });
    },
  };
}

function messageData(
  realm: string,
  endpoint: Endpoint,
  message: string,
  octets: Uint8Array,
): Record<string, string | number> {
  const { server, protocol, address } = endpoint;
  return { realm, server: serverText(server), address, protocol, message, octets: octets.length };
}

function noServers({ realm, service }: SendOptions): TransportError {
  const { noun, setting } = SERVICES[service ?? 'kerberos'];
  const name = printable(realm);
  return new TransportError(
    'ERR_KDC_UNKNOWN',
    `no ${noun} of ${name} is known; put "${setting} = host" under ${name} in the [realms] section of krb5.conf, ` +
      `or let DNS name it (SRV records _${service ?? 'kerberos'}._udp.${name} and _${service ?? 'kerberos'}._tcp.${name}, dns_lookup_kdc)`,
  );
}

function noTcp(servers: readonly KdcServer[], { realm, service }: SendOptions): TransportError {
  const { noun } = SERVICES[service ?? 'kerberos'];
  return new TransportError(
    'ERR_KDC_UNREACHABLE',
    `no ${noun} of ${printable(realm)} can be asked over TCP, which is needed here; configure one without "udp"`,
    servers.map((server) => ({
      server: serverText(server),
      protocol: 'udp',
      outcome: 'not tried, for it is configured for UDP only',
    })),
  );
}

function unreachable(race: Race, options: SendOptions, timedOut: boolean): TransportError {
  const { noun, setting } = SERVICES[options.service ?? 'kerberos'];
  const inTime = timedOut ? ` within ${options.timeoutMs / 1000} s` : '';
  const { error, attempts } = race;
  const tooLarge = error instanceof KerberosError && error.code === 'ERR_REPLY_TOO_LARGE';
  return new TransportError(
    tooLarge ? 'ERR_REPLY_TOO_LARGE' : 'ERR_KDC_UNREACHABLE',
    `no ${noun} of ${printable(options.realm)} gave a usable answer${inTime}; check that "${setting}" (or DNS) names ` +
      'the right hosts, that the service runs there and that no firewall is in the way',
    attempts,
    { cause: error },
  );
}

function aborted({ realm, signal, service }: SendOptions, race: Race | undefined): TransportError {
  const { noun } = SERVICES[service ?? 'kerberos'];
  return new TransportError(
    'ERR_ABORTED',
    `asking a ${noun} of ${printable(realm)} was aborted`,
    race?.attempts ?? [],
    { cause: signal?.reason },
  );
}

function checkArguments(message: Uint8Array, servers: readonly KdcServer[], options: SendOptions): void {
  requireOctets(message, 'message');
  if (message.length === 0 || message.length > MAX_MESSAGE_OCTETS) {
    throw new RangeError('message must have 1 to 2147483647 octets');
  }
  if (!Array.isArray(servers)) throw new TypeError('servers must be an array');
  for (const server of servers) checkServer(server);
  if (!(options.timeoutMs > 0)) throw new RangeError('timeoutMs must be a positive number');
  const max = options.maxReplyOctets ?? MAX_REPLY_OCTETS;
  if (!Number.isSafeInteger(max) || max < 1) {
    throw new RangeError('maxReplyOctets must be a positive integer');
  }
}

function checkServer({ host, port, protocol }: KdcServer): void {
  if (typeof host !== 'string' || host === '' || host.includes('\0')) {
    throw new TypeError('servers: host must be a host name or an address');
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError(`servers: port of ${printable(host)} must be 1 to 65535`);
  }
  if (protocol !== undefined && protocol !== 'udp' && protocol !== 'tcp') {
    throw new TypeError(`servers: protocol of ${printable(host)} must be 'udp' or 'tcp'`);
  }
}
