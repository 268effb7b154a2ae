/** What MIT krb5's programs say first about configuration files, credential caches and keytabs that they cannot use. */
import { FormatError, type KerberosError } from '../errors.js';
import { KCM_CODES } from '../formats/kcm.js';
import { systemErrorCode } from '../stores/boundedFile.js';
import { isAbsent } from '../stores/ccacheFile.js';
import { KcmRefusal } from '../stores/kcmConnection.js';
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
      return nameSentence(error, situation);
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
  if (!(error instanceof FormatError) || error.file === undefined || error.file.startsWith('KCM (')) {
    return undefined;
  }
  // The file `primary` of a folder.
  if (error.line !== undefined) return `${error.file} contains invalid filename`;
  const problem = cacheFormatProblem(error);
  return problem === undefined ? undefined : `${problem}${fileName(error.file, terse)}`;
}

/** The header of a cache ends before this offset or, in version 4, has its length there. */
const HEADER_END = 4;

/** MIT calls it the end when the file ends, and bad format when a length is beyond that of the whole file. */
function cacheFormatProblem({ message, offset = 0 }: FormatError): string | undefined {
  if (message.includes('the first octets are not')) {
    return 'Unsupported credentials cache format version number';
  }
  // To MIT, which has no limit, such a file may be right.
  if (message.includes('is larger than')) return undefined;
  const [, needed, left] = /(\d+) (?:octets|elements) are .*, (\d+) octets are left/.exec(message) ?? [];
  const ends = offset > HEADER_END && Number(needed) <= offset + Number(left);
  return ends ? 'End of credential cache reached' : 'Bad format in credentials cache';
}

function cacheAccessSentence(error: KerberosError, situation: Situation): string | undefined {
  const { opening, terse, writing } = situation;
  if (isKcmMissing(error)) return 'No KCM server found';
  const problem = error.cause instanceof KcmRefusal ? kcmProblem(error.cause) : undefined;
  if (writing !== undefined) return `${writing}${problem ?? systemProblem(error.cause)}`;
  if (problem !== undefined) return problem;
  if (terse === true && error.message.startsWith('Credential cache directory ')) return NO_CACHE;
  if (systemProblem(error.cause) !== NO_PERMISSION) return undefined;
  const path = /^credential cache (.*) cannot be (?:read|removed) /s.exec(error.message)?.[1];
  if (path === undefined) return undefined;
  // That is not the cache but the folder it is in.
  if (opening === true) return IO_FAILED;
  return `${NO_PERMISSION}${fileName(path, terse)}`;
}

const NO_CACHE = 'No credentials cache found';
const NO_PERMISSION = 'Credentials cache permissions incorrect';
const IO_FAILED = 'Credentials cache I/O operation failed';

/** What MIT makes of an error of the system. */
function systemProblem(cause: unknown): string {
  const errno = systemErrorCode(cause);
  if (isAbsent(errno)) return NO_CACHE;
  return ['EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ELOOP'].includes(errno) ? NO_PERMISSION : IO_FAILED;
}

function kcmProblem({ replyCode }: KcmRefusal): string | undefined {
  if (replyCode === KCM_CODES.INTERNAL) return 'Internal credentials cache error';
  return replyCode === KCM_CODES.IO ? IO_FAILED : undefined;
}

/** What a command does when it makes a cache of its name. */
export const RESOLVING = 'while resolving ccache';

/** For a name that is no cache. */
function nameSentence(error: KerberosError, { cache, terse }: Situation): string | undefined {
  if (error.message.startsWith(UNKNOWN_TYPE)) return UNKNOWN_TYPE;
  const path = cache === undefined ? undefined : /^DIR::(.*)$/s.exec(cache)?.[1];
  if (path === undefined) return undefined;
  if (terse === true) return 'Credential cache name malformed';
  const problem = path.includes('/') ? 'filename does not begin with "tkt"' : 'has no parent directory';
  return `Subsidiary cache path ${path} ${problem}`;
}

const UNKNOWN_TYPE = 'Unknown credential cache type';

function fileName(path: string, terse: boolean | undefined): string {
  return terse === true ? '' : ` (filename: ${path})`;
}
