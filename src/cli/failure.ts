/**
 * Errors as the person at the terminal reads them: first MIT krb5's sentence where it has one, for scripts and search
 * engines know it, then on further lines what we know beyond it.
 */
import { type ErrorCode, KdcError, KerberosError, TransportError } from '../errors.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { fileSentence, isKcmMissing, RESOLVING } from './fileSentences.js';
import { type Io, printable, writeJson, writeLine } from './io.js';

/** What was going on when an error came. */
export interface Situation {
  /** Such as `while getting initial credentials`; empty where MIT krb5 does not say. */
  readonly activity: string;
  /** Whether MIT krb5's program opens a cache here, or looks for one, and does not read it yet. */
  readonly opening?: boolean | undefined;
  /** What MIT krb5's program says where it opened the cache that is used here, unless `while resolving ccache`. */
  readonly opened?: string | undefined;
  /** Who logs in. */
  readonly client?: Principal | undefined;
  /** What a ticket was wanted for. */
  readonly server?: Principal | undefined;
  /** Name of the cache in which a ticket was looked for, or that was to be opened. */
  readonly cache?: string | undefined;
  /** Whether the key came from a password. */
  readonly password?: boolean | undefined;
  /** What MIT krb5 says here when a cache is missing, in place of its usual sentence. */
  readonly sentence?: string | undefined;
  /** Whether the lines of krb5.conf were being read, not yet what they mean. */
  readonly parsing?: boolean | undefined;
  /** Whether MIT krb5's program tells here what is wrong, but not of which file. */
  readonly terse?: boolean | undefined;
  /** What MIT krb5 says first when the cache cannot be written. */
  readonly writing?: string | undefined;
  /** What may have been meant, when what was asked for is unknown. */
  readonly hint?: string | undefined;
}

/** An error with its situation. */
export class Failure extends Error {
  readonly situation: Situation;

  constructor(cause: unknown, situation: Situation) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.situation = situation;
  }
}

/** The person pressed Ctrl-C at a prompt. */
export class Interrupted extends Error {}

/** Does `action`; errors get the situation they happened in. */
export async function during<T>(situation: Situation, action: () => Promise<T> | T): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof Failure || error instanceof Interrupted ? error : new Failure(error, situation);
  }
}

/** Sentences of MIT krb5's programs by our codes. */
const SENTENCES: Readonly<Partial<Record<ErrorCode, string>>> = {
  KDC_ERR_NAME_EXP: "Client's entry in database has expired",
  KDC_ERR_SERVICE_EXP: "Server's entry in database has expired",
  KDC_ERR_NEVER_VALID: 'Requested effective lifetime is negative or too short',
  KDC_ERR_POLICY: 'KDC policy rejects request',
  KDC_ERR_BADOPTION: "KDC can't fulfill requested option",
  KDC_ERR_ETYPE_NOSUPP: 'KDC has no support for encryption type',
  KDC_ERR_CLIENT_REVOKED: "Client's credentials have been revoked",
  KDC_ERR_SERVICE_REVOKED: 'Credentials for server have been revoked',
  KDC_ERR_CLIENT_NOTYET: 'Client not yet valid - try again later',
  KDC_ERR_KEY_EXPIRED: 'Password has expired',
  KDC_ERR_MUST_USE_USER2USER: 'Server principal valid for user2user only',
  KDC_ERR_SVC_UNAVAILABLE: 'A service is not available that is required to process the request',
  KRB_AP_ERR_TKT_EXPIRED: 'Ticket expired',
  KRB_AP_ERR_TKT_NYV: 'Ticket not yet valid',
  KRB_AP_ERR_SKEW: 'Clock skew too great',
  KRB_ERR_GENERIC: 'Generic error (see e-text)',
  ERR_PRINCIPAL_NAME: 'Malformed representation of principal',
  ERR_NO_REALM: 'Configuration file does not specify default realm',
  ERR_CLOCK_SKEW: 'Clock skew too great',
  ERR_TICKET_EXPIRED: 'Ticket expired',
};

/** MIT's sentence for `error`, if it has one. */
function sentence(error: KerberosError, situation: Situation): string | undefined {
  const { client, server, password } = situation;
  const name = client === undefined ? undefined : formatPrincipal(client);
  // A referral may have led to the KDCs of another realm.
  const realm = client !== undefined && error.message.includes(client.realm) ? client.realm : undefined;
  switch (error.code) {
    case 'KDC_ERR_C_PRINCIPAL_UNKNOWN':
      return `Client ${name === undefined ? '' : `'${name}' `}not found in Kerberos database`;
    case 'KDC_ERR_S_PRINCIPAL_UNKNOWN':
      return `Server ${server === undefined ? '' : `${aboutWhom(error, server)} `}not found in Kerberos database`;
    case 'KDC_ERR_PREAUTH_FAILED':
      return password === true ? 'Password incorrect' : 'Preauthentication failed';
    case 'ERR_INTEGRITY':
      return password === true ? 'Password incorrect' : 'Decrypt integrity check failed';
    case 'ERR_KEYTAB_NO_KEY':
      return name === undefined ? undefined : `Keytab contains no suitable keys for ${name}`;
    case 'ERR_CCACHE_MISSING':
      return situation.sentence;
    case 'ERR_NO_TICKET':
      return `Matching credential not found${fileOf(situation.cache)}`;
    case 'ERR_KDC_UNREACHABLE':
      return realm === undefined ? undefined : `Cannot contact any KDC for realm '${realm}'`;
    case 'ERR_KDC_UNKNOWN':
      return realm === undefined ? undefined : `Cannot find KDC for realm "${realm}"`;
    default:
      return SENTENCES[error.code] ?? fileSentence(error, situation);
  }
}

function fileOf(cache: string | undefined): string {
  const path = cache === undefined ? undefined : /^(?:FILE|DIR:):(.*)$/s.exec(cache)?.[1];
  return path === undefined ? '' : ` (filename: ${path})`;
}

/** Of a chain of requests, the one that was refused; it may have been for a cross-realm ticket. */
function aboutWhom(error: KerberosError, server: Principal): string {
  return error instanceof KdcError ? error.details.principal : formatPrincipal(server);
}

/** The error in lines: what failed, then what is known about it. */
export function describeFailure(error: unknown): string[] {
  const situation = error instanceof Failure ? error.situation : undefined;
  const cause = error instanceof Failure ? error.cause : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  const mit = cause instanceof KerberosError && situation ? sentence(cause, situation) : undefined;
  const [first, ...details] =
    mit === undefined ? splitMessage(cause, message) : [mit, ...message.split('\n')];
  const late = isKcmMissing(cause) && situation?.opening !== true;
  const doing = late ? (situation?.opened ?? RESOLVING) : situation?.activity;
  const activity = doing === undefined || doing === '' ? '' : ` ${doing}`;
  const unknown = cause instanceof KerberosError && UNKNOWN.has(cause.code);
  if (unknown && situation?.hint !== undefined) details.push(situation.hint);
  const lines = [`${first}${activity}`, ...details.map((line) => `  ${line.trimStart()}`)];
  return lines.map(printable);
}

/** Errors after which a hint is given. */
const UNKNOWN: ReadonlySet<string> = new Set([
  'KDC_ERR_S_PRINCIPAL_UNKNOWN',
  'ERR_KDC_UNKNOWN',
  'ERR_KDC_UNREACHABLE',
  'ERR_REFERRAL',
]);

/** Our messages put advice behind a semicolon. */
function splitMessage(cause: unknown, message: string): string[] {
  const [head = '', ...attempts] = message.split('\n');
  if (!(cause instanceof KerberosError)) return [head];
  const [problem = '', ...advice] = head.split('; ');
  return [problem, ...(advice.length === 0 ? [] : [advice.join('; ')]), ...attempts];
}

/** The error for programs. */
export function failureJson(error: unknown): { error: Readonly<Record<string, unknown>> } {
  const cause = error instanceof Failure ? error.cause : error;
  const [message = '', ...details] = describeFailure(error);
  const code = cause instanceof KerberosError ? cause.code : 'ERR_INTERNAL';
  return {
    error: {
      code,
      message,
      ...(details.length === 0 ? {} : { details: details.map((line) => line.trim()) }),
      ...(cause instanceof TransportError && cause.attempts.length > 0 ? { attempts: cause.attempts } : {}),
      ...(cause instanceof KdcError && cause.code === 'KRB_AP_ERR_SKEW'
        ? { skewSeconds: Math.round(cause.details.skewSeconds) }
        : {}),
    },
  };
}

/** Writes an error to standard error; also for errors that do not end a command. */
export function writeFailure(error: unknown, name: string, json: boolean, io: Io): void {
  if (json) writeJson(io.stderr, failureJson(error));
  else writeLine(io.stderr, `${name}: ${describeFailure(error).join('\n')}`);
}
