/**
 * What is handed out of an error response of a server that did not prove itself: status, date, server, and the challenges
 * of 401 and 407; no body. Whoever stands between could have written the rest.
 */

const KEPT: readonly string[] = ['date', 'server'];
const KEPT_CHALLENGES: Readonly<Record<number, string>> = {
  401: 'www-authenticate',
  407: 'proxy-authenticate',
};

/** Names of the headers that are handed out for a status, in lower case. */
export function keptHeaders(status: number): readonly string[] {
  const challenges = KEPT_CHALLENGES[status];
  return challenges === undefined ? KEPT : [...KEPT, challenges];
}

/** The headers that are handed out, of an object with names in lower case. */
export function sanitizedHeaders<Value>(
  status: number,
  headers: Readonly<Record<string, Value>>,
): Record<string, Value | string> {
  const kept = keptHeaders(status).flatMap((name) =>
    headers[name] === undefined ? [] : [[name, headers[name]]],
  );
  return { ...Object.fromEntries(kept), 'content-length': '0' };
}
