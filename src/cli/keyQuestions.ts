/** How a KDC makes keys of a password: salts and parameters for each encryption type (RFC 4120 section 5.2.7.5). */
import { type Answers, drive } from '../client/drive.js';
import { networkConnection } from '../client/kdcConnection.js';
import { policyOf } from '../client/policy.js';
import { loginRequest } from '../client/request.js';
import { systemEnvironment } from '../client/system.js';
import { CredentialError, KerberosError } from '../errors.js';
import { asExchange } from '../exchange/as.js';
import { chooseKeyInfo, type KeyInfo } from '../exchange/keyInfo.js';
import { decodeKrbError } from '../exchange/krbError.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import { PA_DATA_TYPES } from '../iana/paDataTypes.js';
import { decode } from '../messages/module.js';
import type { PaData } from '../messages/paData.js';
import type { Session } from './command.js';

/** Ends an exchange at the question for the key. */
class Asked extends Error {}

/**
 * Asks the KDC how the keys of `principal` are made. Nothing is proven, so nothing counts as a failed login.
 * @param all whether to refuse when the account lacks a key of one of `etypes`; otherwise that one is left out
 * @throws KdcError, TransportError, CredentialError ERR_NO_KEY when no key is left
 */
export async function keyQuestions(
  principal: Principal,
  etypes: readonly number[],
  all: boolean,
  session: Session,
): Promise<KeyInfo[]> {
  const questions: KeyInfo[] = [];
  for (const etype of etypes) {
    const question = await keyQuestion(principal, etype, session);
    if (question !== undefined) questions.push(question);
    else if (all) throw noSuchKey(principal, [etype]);
  }
  if (questions.length === 0) throw noSuchKey(principal, etypes);
  return questions;
}

function noSuchKey(principal: Principal, etypes: readonly number[]): CredentialError {
  const names = etypes.map(encryptionTypeName).join(', ');
  return new CredentialError(
    'ERR_NO_KEY',
    `the KDC names no key of ${formatPrincipal(principal)} of the type ${names}; choose others with -e`,
  );
}

async function keyQuestion(
  principal: Principal,
  etype: number,
  { config, trace }: Session,
): Promise<KeyInfo | undefined> {
  const environment = systemEnvironment();
  const connection = networkConnection({ config, trace });
  let reply: Uint8Array | undefined;
  const answers: Answers = {
    async kdc(question) {
      reply = await connection(question);
      return reply;
    },
    key: () => Promise.reject(new Asked('the exchange has got as far as it should')),
  };
  const request = loginRequest(principal, config, [etype], environment.nowMs(), {});
  try {
    await drive(asExchange(request, environment, policyOf(config)), answers);
  } catch (error) {
    const expected =
      error instanceof Asked || (error instanceof KerberosError && NO_SUCH_KEY.has(error.code));
    if (!expected) throw error;
  }
  if (reply === undefined || !namesKey(padataOf(reply), etype)) return undefined;
  return chooseKeyInfo(padataOf(reply), [etype], principal);
}

/** The account has keys, but none of this type; or we could not log in with it, which is not what we want. */
const NO_SUCH_KEY: ReadonlySet<string> = new Set([
  'KDC_ERR_ETYPE_NOSUPP',
  'ERR_ETYPE_POLICY',
  'ERR_REPLY_ETYPE',
  'ERR_PREAUTH_UNSUPPORTED',
]);

/** Whether the reply tells how the key of this type is made. A guess could give a key that opens nothing. */
function namesKey(padata: readonly PaData[], etype: number): boolean {
  const value = (type: number): Uint8Array | undefined =>
    padata.find(({ padataType }) => padataType === type)?.padataValue;
  const info2 = value(PA_DATA_TYPES['PA-ETYPE-INFO2']);
  if (info2 !== undefined) return decode('EtypeInfo2', info2).some((info) => info.etype === etype);
  const info = value(PA_DATA_TYPES['PA-ETYPE-INFO']);
  return info !== undefined && decode('EtypeInfo', info).some((one) => one.etype === etype);
}

function padataOf(reply: Uint8Array): readonly PaData[] {
  const error = decodeKrbError(reply);
  if (error === undefined) return decode('AsRep', reply).padata ?? [];
  return error.eData === undefined ? [] : decode('MethodData', error.eData);
}
