/** KRB-ERROR in place of a reply (RFC 4120 sections 3.1.4 and 5.9.1). */
import { printable } from '../bytes.js';
import { KdcError } from '../errors.js';
import { errorSymbol } from '../iana/errorCodes.js';
import type { KrbError } from '../messages/error.js';
import { decode } from '../messages/module.js';

const APPLICATION_30 = 0x7e;

/** The KRB-ERROR in `octets`, or undefined when it is another message. */
export function decodeKrbError(octets: Uint8Array): KrbError | undefined {
  return octets[0] === APPLICATION_30 ? decode('KrbError', octets) : undefined;
}

/** Milliseconds since 1970 on the KDC's clock. */
export function serverTimeMs(error: KrbError): number {
  return error.stime * 1000 + error.susec / 1000;
}

/**
 * The error to throw.
 * @param principal whom the request was about
 * @param nowMs our clock when it arrived
 * @param sender who answered if it was no KDC
 */
export function kdcError(
  error: KrbError,
  realm: string,
  principal: string,
  nowMs: number,
  sender?: 'service',
): KdcError {
  return new KdcError({
    number: error.errorCode,
    symbol: errorSymbol(error.errorCode),
    realm,
    principal,
    serverTimeMs: serverTimeMs(error),
    skewSeconds: (serverTimeMs(error) - nowMs) / 1000,
    eText: error.eText === undefined ? undefined : printable(error.eText),
    eData: error.eData,
    ...(sender === undefined ? {} : { sender }),
  });
}
