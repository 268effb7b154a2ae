/** Servers for the tests of HTTP Negotiate: the embedded realm, and HTTP(S) listeners in this process. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  type Server,
  type Socket,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from 'node:net';
import type { TraceEvent } from '../../../src/index.js';
import { type Client, fromPassword } from '../../../src/index.js';
import { type NegotiateClient, TestRealm } from '../../../src/testing/index.js';

// On a busy machine 250 ms are too few for the first address of localhost, and nobody listens on the second.
setDefaultAutoSelectFamilyAttemptTimeout(30_000);

/** Idle connections stay open, lest a client send a request at the moment at which one is closed. */
export const STAYING = { keepAliveTimeout: 0 } as const;

/** A listener that runs. */
export interface Listening {
  /** `http://localhost:port` */
  readonly origin: string;
  /** Value of Authorization of every request so far. */
  readonly authorizations: (string | undefined)[];
  /** Every request so far: method, path and body. */
  readonly requests: string[];
  /** How many connections were made. */
  readonly connections: () => number;
  stop(): Promise<void>;
}

/** Starts a listener on a free port of the loopback; what comes is recorded. */
export async function listen(listener: RequestListener, tls?: Certificate): Promise<Listening> {
  const authorizations: (string | undefined)[] = [];
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const recording: RequestListener = (request, response) => {
    authorizations.push(request.headers.authorization);
    const at = requests.push(`${request.method} ${request.url} `) - 1;
    request.on('data', (chunk) => {
      requests[at] += String(chunk);
    });
    listener(request, response);
  };
  const server: Server =
    tls === undefined ? createServer(STAYING, recording) : createTlsServer({ ...tls, ...STAYING }, recording);
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${tls === undefined ? 'http' : 'https'}://localhost:${port}`,
    authorizations,
    requests,
    connections: () => connections,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export { selfSignedCertificate as certificate } from '../../../scripts/demoCertificate.mjs';

/** A key and its certificate, PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** What the tests share: a realm with alice, bob and HTTP/localhost. */
export interface Stage {
  readonly realm: TestRealm;
  readonly alice: Client;
  readonly bob: Client;
  /** A server that greets who has a ticket; `path` decides more. */
  readonly negotiating: (greeting?: Greeting, tls?: Certificate) => Promise<Listening>;
  stop(): Promise<void>;
}

export type Greeting = (request: IncomingMessage, response: ServerResponse, who: NegotiateClient) => unknown;

/** Starts a stage. */
export async function openStage(): Promise<Stage> {
  const principals = { alice: { password: 'secret' }, bob: { password: 'other' }, 'HTTP/localhost': {} };
  const realm = await TestRealm.start({ principals, libdefaults: { forwardable: 'true' } });
  const servers: Listening[] = [];
  const client = (name: string, password: string): Client =>
    fromPassword(name, password, { config: realm.config });
  return {
    realm,
    alice: client('alice', 'secret'),
    bob: client('bob', 'other'),
    async negotiating(greeting = greet, tls) {
      const server = await listen(realm.httpHandler('HTTP/localhost', greeting), tls);
      servers.push(server);
      return server;
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
      await realm.stop();
    },
  };
}

/** Says who asked for what, body included. */
export const greet: Greeting = (request, response, { user }) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => response.end(`${user} ${request.method} ${request.url} ${body}`));
};

/** Collects trace events. */
export function tracing(): { trace: (event: TraceEvent) => void; events: TraceEvent[] } {
  const events: TraceEvent[] = [];
  return { trace: (event) => events.push(event), events };
}

/** The error that comes of it. */
export async function failure(outcome: Promise<unknown>): Promise<Error & { code?: string }> {
  return outcome.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error,
  );
}
