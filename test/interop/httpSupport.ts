/** Servers and clients of the HTTP tests. */
import { readFileSync } from 'node:fs';
import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { Agent } from 'undici';
import { afterAll, beforeAll, vi } from 'vitest';
import type { ApacheSite, AttachedRealm } from '../../scripts/realServers/index.mjs';
import type { Client } from '../../src/index.js';
import { passwordClient } from './library.js';
import { servers } from './servers.js';

const LOG_TIMEOUT_MS = 30_000;

// On a busy machine 250 ms are too few for the first address of localhost, and nobody may listen on the second.
setDefaultAutoSelectFamilyAttemptTimeout(LOG_TIMEOUT_MS);

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
  afterAll(() => agent?.destroy());
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
 * The requests with that query, all that were answered before this call, in the order in which they came. Apache notes each
 * before it answers but logs it afterwards, those of several connections in any order: this waits for the log.
 */
export async function requestsWith(site: ApacheSite, query: string): Promise<Logged[]> {
  const lines = site.requestLog().split('\n');
  const ids = lines.filter((line) => line.includes(query)).map((line) => /^\+([^|]+)/.exec(line)?.[1] ?? '');
  if (ids.length === 0) throw new Error(`Apache has seen no request with ${query}`);
  const find = () => {
    const logged = new Map(site.accessLog().split('\n').slice(0, -1).map(parseLine));
    return ids.flatMap((id) => logged.get(id) ?? []);
  };
  await vi.waitUntil(() => find().length === ids.length, { timeout: LOG_TIMEOUT_MS, interval: 20 });
  return find();
}

function parseLine(line: string): [id: string, request: Logged] {
  const [id = '', port, connection, method, path, status, cookie, ...authorization] = line.split(' ');
  const field = (text = '-') => (text === '-' ? undefined : text);
  const request = {
    ...{ port: Number(port), connection: Number(connection), status: Number(status) },
    ...{ method: method ?? '', path: path ?? '' },
    ...{ cookie: field(cookie), authorization: field(authorization.join(' ')) },
  };
  return [id, request];
}
