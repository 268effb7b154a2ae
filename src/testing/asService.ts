/** The authentication service (RFC 4120 section 3.1.2 to 3.1.4): AS-REQ in, AS-REP or KRB-ERROR out. */
import { utf8 } from '../bytes.js';
import { principalName } from '../exchange/principalName.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { PA_DATA_TYPES } from '../iana/paDataTypes.js';
import { hasFlag, KDC_OPTIONS, TICKET_FLAGS } from '../messages/flags.js';
import { decode, encode } from '../messages/module.js';
import type { PaData } from '../messages/paData.js';
import { open } from './apRequest.js';
import type { KdcRequest } from './hooks.js';
import { checkServer, type KdcContext, limitsFor, secondsNow } from './kdcContext.js';
import type { EntryKey, PrincipalEntry } from './principalDatabase.js';
import { Refusal } from './refusal.js';
import { initialFlags } from './ticketFlags.js';
import { issueReply } from './ticketIssue.js';
import { initialTimes } from './ticketTimes.js';

/** Clients return it unchanged (RFC 6113 section 5.2). */
const COOKIE: Uint8Array = utf8('TestRealm');

/** DER of the AS-REP. @throws Refusal */
export function authenticate(request: KdcRequest, kdc: KdcContext): Uint8Array {
  const { padata = [], reqBody: body } = request.req;
  const client = body.cname && kdc.database.find(body.cname);
  if (client === undefined) throw new Refusal('KDC_ERR_C_PRINCIPAL_UNKNOWN', 'CLIENT_NOT_FOUND');
  const server = body.sname && kdc.database.find(body.sname);
  if (server === undefined || body.realm !== kdc.database.realm) {
    throw new Refusal('KDC_ERR_S_PRINCIPAL_UNKNOWN', 'SERVER_NOT_FOUND');
  }
  const flags = initialFlags(body.kdcOptions, client, server);
  checkClient(client, server);
  checkServer(server);
  const offered = chooseKey(client, body.etype);
  const proven = checkTimestamp(padata, client, offered, kdc);
  if (proven === undefined && client.options.requiresPreauth !== false) {
    throw preauthRefusal('KDC_ERR_PREAUTH_REQUIRED', 'NEEDED_PREAUTH', offered, kdc);
  }
  const encPaRep = padata.some((pa) => pa.padataType === PA_DATA_TYPES['PA-REQ-ENC-PA-REP']);
  return issueReply(
    {
      request,
      crealm: kdc.database.realm,
      cname: hasFlag(body.kdcOptions, KDC_OPTIONS.canonicalize)
        ? principalName(client.principal)
        : body.cname!,
      server,
      times: initialTimes(body, secondsNow(kdc), limitsFor(kdc, client, server)),
      flags:
        flags | (proven === undefined ? 0 : TICKET_FLAGS.preAuthent) | (encPaRep ? TICKET_FLAGS.encPaRep : 0),
      caddr: body.addresses,
      transited: new Uint8Array(0),
      authorizationData: undefined,
      replyKey: (proven ?? offered).key,
      replyUsage: KEY_USAGES.AS_REP,
      padata: [etypeInfo2(proven ?? offered)],
    },
    kdc,
  );
}

/** The accounts' states, in the order in which MIT krb5 looks at them. */
function checkClient({ options }: PrincipalEntry, server: PrincipalEntry): void {
  const changingPassword = server.principal.components.join('/') === 'kadmin/changepw';
  if (options.expired === true) throw new Refusal('KDC_ERR_NAME_EXP', 'CLIENT EXPIRED');
  if (options.passwordExpired === true && !changingPassword) {
    throw new Refusal('KDC_ERR_KEY_EXPIRED', 'CLIENT KEY EXPIRED');
  }
  if (options.locked === true) throw new Refusal('KDC_ERR_CLIENT_REVOKED', 'CLIENT LOCKED OUT');
}

/** The client's key of the first type in the request that it has one of. */
function chooseKey({ keys }: PrincipalEntry, etypes: readonly number[]): EntryKey {
  for (const etype of etypes) {
    const found = keys.find(({ key }) => key.etype === etype);
    if (found !== undefined) return found;
  }
  throw new Refusal('KDC_ERR_ETYPE_NOSUPP', 'CANT_FIND_CLIENT_KEY');
}

/** The key that a PA-ENC-TIMESTAMP proves, or undefined without one. */
function checkTimestamp(
  padata: readonly PaData[],
  client: PrincipalEntry,
  offered: EntryKey,
  kdc: KdcContext,
): EntryKey | undefined {
  const value = padata.find((pa) => pa.padataType === PA_DATA_TYPES['PA-ENC-TIMESTAMP'])?.padataValue;
  if (value === undefined) return undefined;
  const data = decode('PaEncTimestamp', value);
  const failed = preauthRefusal('KDC_ERR_PREAUTH_FAILED', 'PREAUTH_FAILED', offered, kdc);
  const entry = client.keys.find(({ key }) => key.etype === data.etype);
  if (entry === undefined) throw failed;
  const plain = orRefuse(failed, () => open(data, entry.key, KEY_USAGES.PA_ENC_TIMESTAMP));
  const { patimestamp, pausec } = decode('PaEncTsEnc', plain, { trailing: true });
  const claimed = patimestamp + (pausec ?? 0) / 1e6;
  if (Math.abs(claimed - kdc.environment.nowMs() / 1000) > kdc.skewSeconds) {
    throw new Refusal('KRB_AP_ERR_SKEW', 'PREAUTH_FAILED');
  }
  return entry;
}

function orRefuse<Result>(refusal: Refusal, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw error instanceof Refusal ? refusal : error;
  }
}

function preauthRefusal(
  symbol: 'KDC_ERR_PREAUTH_REQUIRED' | 'KDC_ERR_PREAUTH_FAILED',
  eText: string,
  offered: EntryKey,
  { hooks }: KdcContext,
): Refusal {
  const methodData: readonly PaData[] = [
    etypeInfo2(offered),
    { padataType: PA_DATA_TYPES['PA-ENC-TIMESTAMP'], padataValue: new Uint8Array(0) },
    { padataType: PA_DATA_TYPES['PA-FX-COOKIE'], padataValue: COOKIE },
  ];
  return new Refusal(symbol, eText, encode('MethodData', hooks.methodData?.(methodData) ?? methodData));
}

/** One entry with an explicit salt, as MIT krb5 sends it. */
function etypeInfo2({ key, salt }: EntryKey): PaData {
  const padataValue = encode('EtypeInfo2', [{ etype: key.etype, salt }]);
  return { padataType: PA_DATA_TYPES['PA-ETYPE-INFO2'], padataValue };
}
