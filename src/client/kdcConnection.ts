/** Answers an exchange's questions for a KDC over the network, as krb5.conf says. */

import { printable } from '../bytes.js';
import { TransportError } from '../errors.js';
import type { KdcQuestion } from '../exchange/ask.js';
import { decodeKrbError } from '../exchange/krbError.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { ERROR_CODES, errorSymbol } from '../iana/errorCodes.js';
import type { Trace } from '../trace.js';
import { sendToKdc } from '../transport/kdc.js';
import { locateKdcs } from '../transport/locate.js';

/** Limits of one question. */
export interface KdcConnectionOptions {
  readonly config: Krb5Config;
  /** When to give up, milliseconds; `request_timeout` of krb5.conf, else 30 s. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly trace?: Trace | undefined;
}

/** Sends an octet string to a KDC of a realm and gives the reply. */
export type KdcConnection = (question: KdcQuestion, signal?: AbortSignal) => Promise<Uint8Array>;

const DEFAULT_TIMEOUT_MS = 30_000;

/** Over UDP and TCP, to the KDCs that the configuration or DNS names. */
export function networkConnection(options: KdcConnectionOptions): KdcConnection {
  const { config, trace } = options;
  const timeoutMs = options.timeoutMs ?? (config.requestTimeoutSeconds ?? 0) * 1000;
  return async ({ realm, message, tcpOnly }, callSignal) => {
    const signal = eitherSignal(callSignal, options.signal);
    const servers = await locateKdcs(realm, {
      configured: (name) => config.realms.get(name)?.kdcs ?? [],
      dnsLookup: config.dnsLookupKdc,
      signal,
      trace,
    });
    if (servers.length === 0) throw unknownRealm(realm, config);
    return sendToKdc(message, servers, {
      realm,
      udpPreferenceLimit: config.udpPreferenceLimit,
      tcpOnly,
      timeoutMs: timeoutMs || DEFAULT_TIMEOUT_MS,
      signal,
      trace,
      preferAnother: isUnavailable,
      describeReply: errorName,
    });
  };
}

/** Aborts when one of the two does. */
function eitherSignal(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  return a === undefined || b === undefined ? (a ?? b) : AbortSignal.any([a, b]);
}

function unknownRealm(realm: string, config: Krb5Config): TransportError {
  const where = config.dnsLookupKdc ? 'neither krb5.conf nor DNS knows one' : 'krb5.conf names none';
  return new TransportError(
    'ERR_KDC_UNKNOWN',
    `no KDC of the realm ${printable(realm)} is known: ${where}; add "kdc = host" for it in [realms]`,
  );
}

/** A KDC whose database is away; another may do better. */
function isUnavailable(reply: Uint8Array): boolean {
  return errorCode(reply) === ERROR_CODES.KDC_ERR_SVC_UNAVAILABLE.number;
}

/** Code of a KRB-ERROR for the trace. */
function errorName(reply: Uint8Array): string | undefined {
  const code = errorCode(reply);
  return code === undefined ? undefined : `${errorSymbol(code) ?? 'of an unregistered code'} ${code}`;
}

function errorCode(reply: Uint8Array): number | undefined {
  try {
    return decodeKrbError(reply)?.errorCode;
  } catch {
    return undefined;
  }
}
