/** Servers and clients of the HTTP tests. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { afterAll, beforeAll } from 'vitest';
import type { ApacheSite, AttachedRealm } from '../../scripts/realServers/index.mjs';
import type { Client } from '../../src/index.js';
import { passwordClient } from './library.js';
import { servers } from './servers.js';

const SETTLE_MS = 30;
const LOG_TIMEOUT_MS = 5000;

/** Runs a server for the tests of this file; gives it while they run. */
export function useServer<Server extends { stop(): Promise<void> }>(
  start: (realm: AttachedRealm) => Promise<Server>,
): () => Server {
  let server: Server | undefined;
  beforeAll(async () => {
    server = await start(servers().realm);
  });
  afterAll(() => server?.stop());
  return () => {
    if (server === undefined) throw new Error('the server runs only while the tests do');
    return server;
  };
}

/** Connections that trust the tests' authorities, closed after the tests of this file. */
export function useAgent(ca: () => string): () => Agent {
  let agent: Agent | undefined;
  afterAll(() => agent?.close());
  return () => {
    agent ??= new Agent({ connect: { ca: readFileSync(ca(), 'utf8') } });
    return agent;
  };
}

/** Node's own fetch, with the connections of `agent`. */
export function fetchThrough(agent: () => Agent): typeof fetch {
  return (input, init) => fetch(input, { ...init, dispatcher: agent() } as object);
}

/** A new identity with the password of alice. */
export function alice(): Client {
  return passwordClient('alice');
}

/** A request as Apache has logged it. */
export interface Logged {
  readonly port: number;
  readonly connection: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly cookie: string | undefined;
  /** Of the token, or undefined. */
  readonly authorization: string | undefined;
}

let marks = 0;

/** A query that no other request has. */
export function mark(): string {
  return `?mark=${process.pid}.${++marks}.`;
}

/**
 * The requests with that query; waits until there are `count`, for Apache logs after it has answered.
 * Those of one connection are in their order; two connections may be logged in any.
 */
export async function requestsWith(site: ApacheSite, query: string, count: number): Promise<Logged[]> {
  const until = Date.now() + LOG_TIMEOUT_MS;
  while (logged(site, query).length < count && Date.now() < until) await sleep(SETTLE_MS);
  await sleep(SETTLE_MS);
  return logged(site, query);
}

function logged(site: ApacheSite, query: string): Logged[] {
  const lines = site.accessLog().split('\n').slice(0, -1);
  return lines.map(parseLine).filter(({ path }) => path.includes(query));
}

function parseLine(line: string): Logged {
  const [port, connection, method, path, status, cookie, ...authorization] = line.split(' ');
  const field = (text = '-') => (text === '-' ? undefined : text);
  return {
    ...{ port: Number(port), connection: Number(connection), status: Number(status) },
    ...{ method: method ?? '', path: path ?? '' },
    ...{ cookie: field(cookie), authorization: field(authorization.join(' ')) },
  };
}
