/**
 * Which of the client's long-term keys the KDC means: encryption type, salt and parameters from ETYPE-INFO2, else
 * ETYPE-INFO, else PA-PW-SALT, else the default salt (RFC 4120 sections 3.1.3 and 5.2.7.3 to 5.2.7.5).
 *
 * What a KDC says here is unauthenticated. Only types that we offered count, in our order of preference, and
 * string-to-key bounds the parameters.
 */
import { utf8 } from '../bytes.js';
import { ProtocolError } from '../errors.js';
import { weakHint } from '../formats/etypeList.js';
import type { Principal } from '../formats/principal.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import { PA_DATA_TYPES } from '../iana/paDataTypes.js';
import { decode } from '../messages/module.js';
import type { PaData } from '../messages/paData.js';
import { defaultSalt } from './principalName.js';

/** Names one long-term key. */
export interface KeyInfo {
  readonly etype: number;
  readonly salt: Uint8Array;
  readonly s2kparams: Uint8Array | undefined;
}

/** Octets of the padata of a type, if there. */
function paDataValue(padata: readonly PaData[], type: keyof typeof PA_DATA_TYPES): Uint8Array | undefined {
  return padata.find((pa) => pa.padataType === PA_DATA_TYPES[type])?.padataValue;
}

/**
 * The key to use.
 * @param etypes those we offered and may use, best first
 * @throws ProtocolError ERR_ETYPE_POLICY when the KDC names types and none of them is ours, or we have none
 */
export function chooseKeyInfo(
  padata: readonly PaData[],
  etypes: readonly number[],
  client: Principal,
): KeyInfo {
  const offered = keyInfos(padata, client);
  const [best] = etypes;
  if (offered === undefined && best !== undefined) {
    const salt = paDataValue(padata, 'PA-PW-SALT') ?? defaultSalt(client);
    return { etype: best, salt, s2kparams: undefined };
  }
  for (const etype of etypes) {
    const info = offered?.find((candidate) => candidate.etype === etype);
    if (info !== undefined) return info;
  }
  throw noCommonType(offered?.map(({ etype }) => etype) ?? [], etypes);
}

function noCommonType(offered: readonly number[], accepted: readonly number[]): ProtocolError {
  const theirs = offered.map(encryptionTypeName).join(', ') || 'none';
  const ours = accepted.map(encryptionTypeName).join(', ') || 'none';
  return new ProtocolError(
    'ERR_ETYPE_POLICY',
    'ETYPE-INFO2',
    `the account has keys of ${theirs}; we accept ${ours}${weakHint(offered, accepted)}`,
    'RFC 4120 section 3.1.3',
  );
}

/** The keys that the KDC lists, undefined when it lists none. */
function keyInfos(padata: readonly PaData[], client: Principal): readonly KeyInfo[] | undefined {
  const info2 = paDataValue(padata, 'PA-ETYPE-INFO2');
  if (info2 !== undefined) {
    return decode('EtypeInfo2', info2).map(({ etype, salt, s2kparams }) => ({
      etype,
      salt: salt === undefined ? defaultSalt(client) : utf8(salt),
      s2kparams,
    }));
  }
  const info = paDataValue(padata, 'PA-ETYPE-INFO');
  return info === undefined
    ? undefined
    : decode('EtypeInfo', info).map(({ etype, salt }) => ({
        etype,
        salt: salt ?? defaultSalt(client),
        s2kparams: undefined,
      }));
}
