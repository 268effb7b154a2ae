/**
 * What a context says in the authorization data of its authenticator: encryption types for the acceptor's subkey
 * (RFC 4537), and that it knows channel bindings (KERB_AP_OPTIONS_CBT, MS-KILE sections 2.2.7 and 3.2.5.8). Both stand in one
 * AD-IF-RELEVANT, so whoever does not know them passes over them.
 */
import { AUTH_DATA_TYPES } from '../iana/authDataTypes.js';
import type { AuthorizationData } from '../messages/basic.js';
import { decode, encode } from '../messages/module.js';
import { badToken } from './token.js';

/** What the initiator lets the acceptor know. */
export interface ContextOffers {
  /** Encryption types for the acceptor's subkey, best first; empty when there is nothing to negotiate. */
  readonly etypes: readonly number[];
  /** Whether the initiator would have sent channel bindings if it had any. */
  readonly channelBound: boolean;
}

/** Little-endian in KERB-AP-OPTIONS. */
const KERB_AP_OPTIONS_CBT = 0x4000;

/** The offers as authorization data; undefined when there are none. */
export function offersData({ etypes, channelBound }: ContextOffers): AuthorizationData | undefined {
  const elements: AuthorizationData[number][] = [];
  if (etypes.length > 0) {
    elements.push({
      adType: AUTH_DATA_TYPES['AD-ETYPE-NEGOTIATION'],
      adData: encode('EtypeList', etypes),
    });
  }
  if (channelBound) {
    const adData = new Uint8Array(4);
    new DataView(adData.buffer).setUint32(0, KERB_AP_OPTIONS_CBT, true);
    elements.push({ adType: AUTH_DATA_TYPES['KERB-AP-OPTIONS'], adData });
  }
  if (elements.length === 0) return undefined;
  return [{ adType: AUTH_DATA_TYPES['AD-IF-RELEVANT'], adData: encode('AdIfRelevant', elements) }];
}

/**
 * The offers in the authorization data of an authenticator.
 * @throws ProtocolError ERR_ASN1; ERR_GSS_TOKEN for options that are not four octets
 */
export function readOffers(data: AuthorizationData | undefined): ContextOffers {
  const elements = (data ?? []).flatMap((element) =>
    element.adType === AUTH_DATA_TYPES['AD-IF-RELEVANT'] ? decode('AdIfRelevant', element.adData) : [element],
  );
  const contents = (type: keyof typeof AUTH_DATA_TYPES): Uint8Array | undefined =>
    elements.find(({ adType }) => adType === AUTH_DATA_TYPES[type])?.adData;
  const list = contents('AD-ETYPE-NEGOTIATION');
  const options = contents('KERB-AP-OPTIONS');
  if (options !== undefined && options.length !== 4)
    throw badToken('KERB-AP-OPTIONS', 'not four octets', 'MS-KILE');
  const bits = options && new DataView(options.buffer, options.byteOffset, 4).getUint32(0, true);
  return {
    etypes: list === undefined ? [] : decode('EtypeList', list),
    channelBound: ((bits ?? 0) & KERB_AP_OPTIONS_CBT) !== 0,
  };
}

/**
 * The list to offer: the permitted types that are preferred to the session key's, and that one last if it is permitted;
 * empty when nothing is preferred to it (RFC 4537 section 3).
 */
export function subkeyEtypes(permitted: readonly number[], session: number): readonly number[] {
  const index = permitted.indexOf(session);
  if (index === 0) return [];
  return index < 0 ? permitted : permitted.slice(0, index + 1);
}
