/** A request that is answered by a KRB-ERROR (RFC 4120 section 5.9.1), and that KRB-ERROR. */
import { type Environment, kerberosTime } from '../exchange/environment.js';
import { ERROR_CODES, type KdcErrorSymbol } from '../iana/errorCodes.js';
import type { PrincipalName } from '../messages/basic.js';
import type { KrbError } from '../messages/error.js';

/** Ends a request. Caught where the KRB-ERROR is made; users never meet it. */
export class Refusal extends Error {
  readonly symbol: KdcErrorSymbol;
  /** e-text, in the words of MIT krb5 where it has some. */
  readonly eText: string;
  readonly eData: Uint8Array | undefined;

  constructor(symbol: KdcErrorSymbol, eText: string, eData?: Uint8Array) {
    super(`${symbol}: ${eText}`);
    this.symbol = symbol;
    this.eText = eText;
    this.eData = eData;
  }
}

/** Whom a KRB-ERROR is about, as far as that is known. */
export interface ErrorNames {
  readonly realm: string;
  readonly sname: PrincipalName;
  readonly crealm?: string | undefined;
  readonly cname?: PrincipalName | undefined;
}

/** The KRB-ERROR of a refusal. */
export function krbErrorOf(refusal: Refusal, names: ErrorNames, environment: Environment): KrbError {
  const { seconds, microseconds } = kerberosTime(environment.nowMs());
  return {
    pvno: 5,
    msgType: 30,
    stime: seconds,
    susec: microseconds,
    errorCode: ERROR_CODES[refusal.symbol].number,
    crealm: names.crealm,
    cname: names.cname,
    realm: names.realm,
    sname: names.sname,
    eText: refusal.eText,
    eData: refusal.eData,
  };
}
