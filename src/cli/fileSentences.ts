/** What MIT krb5's programs say first about configuration files, credential caches and keytabs that they cannot use. */
import { FormatError, type KerberosError } from '../errors.js';
import { systemErrorCode } from '../stores/boundedFile.js';
import type { Situation } from './failure.js';

/** MIT's sentence for an error about a file or a KCM daemon, if it has one. */
export function fileSentence(error: KerberosError, situation: Situation): string | undefined {
  switch (error.code) {
    case 'ERR_KRB5_CONF':
      return configSentence(error, situation);
    case 'ERR_KEYTAB_FORMAT':
      // A file that ends before the version is one of version 0 to MIT.
      return isAt(error, 0, 1) ? 'Unsupported key table format version number' : undefined;
    case 'ERR_CCACHE_FORMAT':
      return cacheFormatSentence(error, situation);
    case 'ERR_CCACHE_IO':
      return cacheAccessSentence(error, situation);
    case 'ERR_CCACHE_TYPE':
      return nameSentence(situation);
    default:
      return undefined;
  }
}

/** Whether no KCM daemon could be reached. MIT finds that out when it resolves the name. */
export function isKcmMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('no KCM daemon at ');
}

/** The syntax only: about values and whole files MIT says other things, or nothing. */
function configSentence(error: KerberosError, { parsing }: Situation): string | undefined {
  if (parsing !== true || !(error instanceof FormatError) || error.line === undefined) return undefined;
  const include = / include(dir)? .*: cannot be read /s.exec(error.message);
  if (include === null) return 'Improper format of Kerberos configuration file';
  return `Included profile ${include[1] === undefined ? 'file' : 'directory'} could not be read`;
}

function isAt(error: KerberosError, ...offsets: readonly number[]): boolean {
  return error instanceof FormatError && error.offset !== undefined && offsets.includes(error.offset);
}

function cacheFormatSentence(error: KerberosError, { terse }: Situation): string | undefined {
  if (!isAt(error, 0, 1) || !(error instanceof FormatError) || error.line !== undefined) return undefined;
  if (error.file === undefined || error.file.startsWith('KCM (')) return undefined;
  const whole = error.message.includes('the first octets are not');
  const problem = whole
    ? 'Unsupported credentials cache format version number'
    : 'Bad format in credentials cache';
  return `${problem}${fileName(error.file, terse)}`;
}

function cacheAccessSentence(error: KerberosError, { activity, terse }: Situation): string | undefined {
  if (isKcmMissing(error)) return 'No KCM server found';
  const errno = systemErrorCode(error.cause);
  if (errno !== 'EACCES' && errno !== 'EPERM') return undefined;
  const path = /^credential cache (.*) cannot be (?:read|removed) /s.exec(error.message)?.[1];
  if (path === undefined) return undefined;
  // That is not the cache but the folder it is in.
  if (activity === RESOLVING) return 'Credentials cache I/O operation failed';
  return `Credentials cache permissions incorrect${fileName(path, terse)}`;
}

/** What a command does when it makes a cache of its name. */
export const RESOLVING = 'while resolving ccache';

/** For a `DIR::` name; other types are refused in MIT's words already. */
function nameSentence({ cache, terse }: Situation): string | undefined {
  const path = cache === undefined ? undefined : /^DIR::(.*)$/s.exec(cache)?.[1];
  if (path === undefined) return undefined;
  if (terse === true) return 'Credential cache name malformed';
  const problem = path.includes('/') ? 'filename does not begin with "tkt"' : 'has no parent directory';
  return `Subsidiary cache path ${path} ${problem}`;
}

function fileName(path: string, terse: boolean | undefined): string {
  return terse === true ? '' : ` (filename: ${path})`;
}
