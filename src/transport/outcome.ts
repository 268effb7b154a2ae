/**
 * What came of a try, in words, from the error codes of Node's sockets and resolver.
 */

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'not permitted on this machine',
  EADDRNOTAVAIL: 'this machine has no address that can reach it',
  EAFNOSUPPORT: 'this machine does not support its address family',
  EAI_AGAIN: 'no name server answered',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  EMFILE: 'too many open files in this process',
  EMSGSIZE: 'the message is too long for a datagram',
  ENETUNREACH: 'network unreachable',
  ENODATA: 'the host name has no address',
  ENOTFOUND: 'host name not found',
  EPERM: 'not permitted on this machine',
  EPIPE: 'connection closed',
  ETIMEDOUT: 'connection timed out',
};

/** The error in words; its `code` or message where there are none. */
export function outcomeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === undefined) return error.message;
  return WORDS[code] ?? (code.startsWith('ERR_') ? error.message : code);
}
