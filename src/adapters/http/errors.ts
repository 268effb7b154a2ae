/** The errors of HTTP Negotiate, by whose fault they are. */
import { CredentialError, ProtocolError, TransportError } from '../../errors.js';

const RULE = 'RFC 4559 section 4';

/** The server did not prove itself. */
export function mutualAuthError(origin: string, problem: string, cause?: unknown): ProtocolError {
  const options = cause === undefined ? {} : { cause };
  return new ProtocolError('ERR_HTTP_MUTUAL_AUTH', origin, problem, RULE, options);
}

/** The server does not come to an end. */
export function authLoop(origin: string, tokens: number): ProtocolError {
  return new ProtocolError(
    'ERR_HTTP_AUTH_LOOP',
    origin,
    `it wants more than ${tokens} tokens for one request`,
    RULE,
  );
}

/** The body cannot be sent again. */
export function bodyReplay(why: string, replayLimit: number): TransportError {
  const kept = replayLimit === 0 ? 'was not kept' : `has more than ${replayLimit} octets (replayLimit)`;
  return new TransportError(
    'ERR_HTTP_BODY_REPLAY',
    `${why}: the request must be sent again, but its body can be read only once and ${kept}; ` +
      'use preemptive: true, a larger replayLimit, or a body of octets',
  );
}

/** There is no binding although one is required. */
export function noChannelBinding(origin: string, problem: string, cause?: unknown): TransportError {
  const message = `${origin}: ${problem}, and channelBindings is 'required'`;
  return new TransportError('ERR_HTTP_CHANNEL_BINDING', message, [], cause === undefined ? {} : { cause });
}

/** Tickets are not delegated in the open. */
export function insecureDelegation(origin: string): CredentialError {
  return new CredentialError('ERR_HTTP_DELEGATION', `${origin}: tickets are delegated over https:// only`);
}

/** The proxy opened no tunnel. */
export function proxyRefused(proxy: string, status: number | undefined, cause?: unknown): TransportError {
  const message = `${proxy} answered CONNECT with ${status ?? 'no status'}`;
  return new TransportError('ERR_HTTP_PROXY', message, [], cause === undefined ? {} : { cause });
}

const changed = new WeakSet<object>();

/** A token was about to go to a server with another certificate than the one it is bound to. */
export function certificateChanged(): TransportError {
  const error = new TransportError(
    'ERR_HTTP_CHANNEL_BINDING',
    'the server has shown another certificate since',
  );
  changed.add(error);
  return error;
}

/** Whether it was that; the fetches put the reason into `cause`. */
export function isCertificateChanged(error: unknown): boolean {
  const { cause } = (error ?? {}) as { cause?: unknown };
  return changed.has(Object(error)) || changed.has(Object(cause));
}
