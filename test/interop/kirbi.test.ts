/** Kirbi files (KRB-CRED) exchanged with MIT's library, which has them as messages: compiles kirbiFile.c. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { ensurePackages, mustRun } from '../../scripts/realServers/index.mjs';
import type { Credential } from '../../src/formats/credential.js';
import { decodeKirbi, encodeKirbi } from '../../src/formats/kirbi.js';
import { readCcacheFile } from '../../src/stores/fileCcache.js';
import { mitKinit, mitServices, nameOf, succeeded } from './cacheSupport.js';
import { servers } from './servers.js';

const { realm } = servers();
const SOURCE = fileURLToPath(new URL('kirbiFile.c', import.meta.url));
const folder = mkdtempSync(`${realm.dir}/kirbi-`);
const program = join(folder, 'kirbiFile');
const [ccache, kirbi] = [join(folder, 'cc'), join(folder, 'tickets.kirbi')];

beforeAll(async () => {
  await ensurePackages(['gcc', 'libc6-dev', 'libkrb5-dev']);
  await mustRun('gcc', ['-O1', '-Wall', '-Werror', '-o', program, SOURCE, '-lkrb5']);
  await mitKinit('alice', ccache);
  succeeded(await realm.run('kvno', ['-q', 'HTTP/localhost'], { ccache }));
});

/** What a kirbi file has of a ticket, by service. */
const contents = (credentials: readonly Credential[]) =>
  credentials.map(({ sessionKey, authData, client, server, ...rest }) => ({
    ...rest,
    names: [nameOf(client), client.realm, nameOf(server), server.realm],
    key: [sessionKey.etype, [...sessionKey.value]],
  }));

it("MIT's file has the tickets of MIT's cache", async () => {
  succeeded(await realm.run(program, ['write', ccache, kirbi]));
  const { credentials } = await readCcacheFile(ccache);
  expect(credentials.length).toBe(2);
  expect(contents(decodeKirbi(readFileSync(kirbi), { file: kirbi }))).toEqual(contents(credentials));
});

it('our file becomes a cache with which MIT goes on', async () => {
  const { credentials } = await readCcacheFile(ccache);
  const [ours, copy] = [join(folder, 'ours.kirbi'), join(folder, 'copy')];
  writeFileSync(ours, encodeKirbi(credentials), { mode: 0o600 });
  succeeded(await realm.run(program, ['read', ours, copy]));
  expect(contents((await readCcacheFile(copy)).credentials)).toEqual(contents(credentials));
  succeeded(await realm.run('kvno', ['host/localhost'], { ccache: copy }));
  expect(await mitServices(copy)).toEqual(['krbtgt/EXAMPLE.TEST', 'HTTP/localhost', 'host/localhost']);
});
