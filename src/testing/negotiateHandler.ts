/** HTTP Negotiate for node:http servers (RFC 4559 section 4). The types are no more than what is used of node:http. */
import { toBase64 } from '../bytes.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { AcceptError } from './acceptError.js';
import type { Accepted, Acceptor } from './acceptor.js';
import type { AcceptedContext } from './acceptorContext.js';

/** The part of http.IncomingMessage that the handler and most listeners use; annotate the listener for more. */
export interface NegotiateRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Names the connection: a negotiation of several legs stays on it. */
  readonly socket: object;
}

/** The part of http.ServerResponse that the handler and most listeners use. */
export interface NegotiateResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  write(part: string | Uint8Array): unknown;
  end(part?: string | Uint8Array): unknown;
}

/** Who asks. */
export interface NegotiateClient {
  readonly client: Principal;
  /** `alice@EXAMPLE.TEST` */
  readonly user: string;
  readonly context: AcceptedContext;
}

/**
 * A request listener that lets in who has a ticket. Others get 401 with `WWW-Authenticate: Negotiate`, with a token
 * where the acceptor has one to send.
 */
export function negotiateHandler<Request extends NegotiateRequest, Response extends NegotiateResponse>(
  acceptor: Acceptor,
  listener: (request: Request, response: Response, who: NegotiateClient) => unknown,
): (request: Request, response: Response) => void {
  const unfinished = new WeakMap<object, AcceptedContext>();
  return (request, response) => {
    const token = tokenOf(request.headers.authorization);
    if (token === undefined) return refuse(response, undefined);
    const known = unfinished.get(request.socket);
    unfinished.delete(request.socket);
    const accepted = acceptOrRefuse(acceptor, token, known);
    if (accepted instanceof AcceptError) return refuse(response, accepted.token);
    if (!accepted.done || accepted.client === undefined) {
      unfinished.set(request.socket, accepted.context);
      return refuse(response, accepted.token);
    }
    if (accepted.token !== undefined) response.setHeader('WWW-Authenticate', challenge(accepted.token));
    const { client, context } = accepted;
    listener(request, response, { client, user: formatPrincipal(client), context });
  };
}

function acceptOrRefuse(
  acceptor: Acceptor,
  token: Uint8Array,
  context: AcceptedContext | undefined,
): Accepted | AcceptError {
  try {
    return acceptor.accept(token, context);
  } catch (error) {
    if (error instanceof AcceptError) return error;
    throw error;
  }
}

function refuse(response: NegotiateResponse, token: Uint8Array | undefined): void {
  response.statusCode = 401;
  response.setHeader('WWW-Authenticate', challenge(token));
  response.end('401 Unauthorized\n');
}

function challenge(token: Uint8Array | undefined): string {
  return token === undefined ? 'Negotiate' : `Negotiate ${toBase64(token)}`;
}

function tokenOf(authorization: string | string[] | undefined): Uint8Array | undefined {
  const match = /^Negotiate +([A-Za-z0-9+/]+=*) *$/i.exec(String(authorization));
  return match === null ? undefined : new Uint8Array(Buffer.from(match[1]!, 'base64'));
}
