/** Steps that the tests of credential caches share. */
import { expect } from 'vitest';
import type { RunResult } from '../../scripts/realServers/index.mjs';
import type { Credential } from '../../src/formats/credential.js';
import { formatPrincipal, type Principal, parsePrincipal } from '../../src/formats/principal.js';
import {
  type CacheCollection,
  type CredentialCacheStore,
  cacheForLogin,
} from '../../src/stores/cacheStore.js';
import { passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();

export type Env = Record<string, string>;

/** The program's result, which must be status 0. */
export function succeeded(result: RunResult): RunResult {
  expect(result, result.stderr).toMatchObject({ status: 0 });
  return result;
}

/** MIT's kinit of a user of the realm. */
export async function mitKinit(user: string, ccache: string, env: Env = {}): Promise<void> {
  succeeded(await realm.run('kinit', [user], { ccache, env, input: `${realm.users[user] ?? ''}\n` }));
}

/** Services that MIT's klist names, in order, without realm. */
export async function mitServices(ccache: string, env: Env = {}): Promise<string[]> {
  const { stdout } = succeeded(await realm.run('klist', [], { ccache, env }));
  return [...stdout.matchAll(/ {2}(\S+)@EXAMPLE\.TEST$/gm)].map((match) => match[1] ?? '');
}

/** Cache names in MIT's klist -l. */
export async function mitCaches(ccache: string, env: Env = {}): Promise<string[]> {
  const { stdout } = succeeded(await realm.run('klist', ['-l'], { ccache, env }));
  const rows = stdout.split('\n').slice(2);
  return rows.filter((row) => row !== '').map((row) => row.trim().split(/\s+/)[1] ?? '');
}

/** Services in our reading of a cache. */
export async function ourServices(store: CredentialCacheStore): Promise<string[]> {
  return (await store.read()).credentials.map(({ server }) => nameOf(server));
}

export function nameOf(principal: Principal): string {
  return formatPrincipal(principal, { omitRealm: true });
}

/** Our login of a user, to where kinit would put it. */
export async function ourLogin(collection: CacheCollection, user: string): Promise<CredentialCacheStore> {
  const client = passwordClient(user);
  const { credential, kdcTimeOffsetSeconds } = await client.login();
  const { store, switches } = await cacheForLogin(collection, client.principal);
  const kdcTimeOffset = { seconds: kdcTimeOffsetSeconds, microseconds: 0 };
  await store.initialize(client.principal, { credentials: [credential], kdcTimeOffset });
  if (switches) await collection.switchTo(store);
  return store;
}

/** A ticket like `tgt` for another service. */
export function ticketFor(service: string, tgt: Credential): Credential {
  return { ...tgt, server: parsePrincipal(service, { defaultRealm: 'EXAMPLE.TEST' }) };
}
