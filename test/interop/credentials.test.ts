/** Credential caches and keytabs that MIT and our program exchange: both show the same, field by field. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ENCTYPES, type MitClient, type RunResult } from '../../scripts/realServers/index.mjs';
import { Key } from '../../src/crypto/key.js';
import type { Credential } from '../../src/formats/credential.js';
import { TICKET_FLAGS } from '../../src/messages/flags.js';
import { readCcacheFile, writeCcacheFile } from '../../src/stores/fileCcache.js';
import { servers } from './servers.js';

const { realm } = servers();
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

type RunOptions = NonNullable<Parameters<MitClient['run']>[2]>;

function krb5(args: string[], options: RunOptions = {}): Promise<RunResult> {
  return realm.run(process.execPath, [MAIN, ...args], options);
}

/** A cache of MIT's kinit and kvno with tickets in every encryption type. */
async function mitCache(args: string[] = []): Promise<string> {
  const ccache = realm.newCcache();
  const input = `${realm.users.alice}\n`;
  expect(await realm.run('kinit', [...args, 'alice'], { input, ccache })).toMatchObject({ status: 0 });
  const services = ENCTYPES.flatMap(({ name }) => [`test/${name}`, `sess/${name}`]);
  expect(await realm.run('kvno', services, { ccache })).toMatchObject({ status: 0 });
  return ccache;
}

/** Both programs with the same arguments give the same. */
async function expectSame(program: string, args: string[], options: RunOptions): Promise<void> {
  const mit = await realm.run(program, args, options);
  expect(await krb5([program, ...args], options)).toEqual(mit);
  expect(mit.status).toBe(0);
}

describe('a cache of MIT', () => {
  const letters = ['', '-e', '-f', '-ef', '-a', '-an', '-efa', '-A', '-l', '-C', '-efC', '-c', '-s'];

  it.each(letters)('looks the same in klist %s', async (option) => {
    const ccache = await mitCache(['-r', '3d', '-f', '-p']);
    await expectSame('klist', option === '' ? [] : [option], { ccache });
    const path = ccache.replace('FILE:', '');
    if (option !== '-A' && option !== '-l')
      await expectSame('klist', [...(option ? [option] : []), path], {});
  });

  it('looks the same in another time zone and when it has no renewable ticket', async () => {
    const ccache = await mitCache(['-l', '1h']);
    for (const TZ of ['America/New_York', 'Asia/Kolkata']) {
      await expectSame('klist', ['-ef'], { ccache, env: { TZ } });
    }
  });

  it('shows every flag, outdated types, addresses and other clients the same', async () => {
    const ccache = realm.newCcache();
    const path = ccache.replace('FILE:', '');
    const { credentials, ...cache } = await readCcacheFile((await mitCache()).replace('FILE:', ''));
    const [tgt] = credentials;
    expect(tgt).toBeDefined();
    await writeCcacheFile(path, { ...cache, config: [], credentials: oddTickets(tgt as Credential) });
    for (const option of ['-f', '-e', '-ef', '-efan', '-an']) await expectSame('klist', [option], { ccache });
  });

  it('serves kvno, which stores as MIT reads', async () => {
    const ccache = await mitCache();
    await expectSame('kvno', realm.services, { ccache });
    await expectSame('kvno', ['-S', 'host', 'localhost'], { ccache });
    await expectSame('kvno', ['-q', 'host/localhost'], { ccache });
    await expectSame('kvno', ['-k', realm.keytabs.services, ...realm.services], { ccache });
    const { stdout } = await realm.run('klist', [], { ccache });
    for (const service of realm.services) expect(stdout).toContain(`${service}@EXAMPLE.TEST`);
  });

  it('gets session keys of the type that kvno -e names', async () => {
    const ccache = await mitCache();
    for (const etype of ['aes128-cts', 'aes256-cts-hmac-sha1-96']) {
      const args = ['kvno', '--json', '-e', etype, 'host/localhost'];
      const { stdout } = await krb5(args, { ccache });
      const [row] = JSON.parse(stdout) as { ticket: { sessionKeyType: string } }[];
      expect(row?.ticket.sessionKeyType).toContain(etype);
    }
  });

  it('is told of in JSON', async () => {
    const ccache = await mitCache();
    const { stdout } = await krb5(['klist', '--json'], { ccache });
    const json = JSON.parse(stdout) as { cache: string; principal: string; credentials: unknown[] };
    expect([json.cache, json.principal]).toEqual([ccache, 'alice@EXAMPLE.TEST']);
    expect(json.credentials).toHaveLength(1 + 2 * ENCTYPES.length);
    expect(json.credentials[0]).toMatchObject({
      client: 'alice@EXAMPLE.TEST',
      server: 'krbtgt/EXAMPLE.TEST@EXAMPLE.TEST',
      authTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      sessionKeyType: 'aes256-cts-hmac-sha1-96',
      ticketKeyType: 'aes256-cts-hmac-sha1-96',
    });
    expect(stdout).not.toContain('sessionKey"');
  });

  it('has expired for both', async () => {
    const ccache = await mitCache(['-l', '5m']);
    for (const faketime of [undefined, '+1h']) {
      const mit = await realm.run('klist', ['-s'], { ccache, faketime });
      const ours = await krb5(['klist', '-s'], { ccache, faketime });
      expect([ours, mit.status]).toEqual([mit, faketime === undefined ? 0 : 1]);
    }
    const expired = { ccache, faketime: '+1h' };
    const ours = await krb5(['kvno', 'HTTP/localhost'], expired);
    const mit = await realm.run('kvno', ['HTTP/localhost'], expired);
    expect([ours.status, ours.stderr.split('\n')[0]]).toEqual([mit.status, mit.stderr.trimEnd()]);
  });
});

describe('a keytab of MIT', () => {
  it.each([[['-k']], [['-ke']], [['-kt']], [['-ket']], [['-k', '-t', '-e']]])(
    'looks the same in klist %j',
    async (args) => {
      await expectSame('klist', [...args, realm.keytabs.services], {});
      await expectSame('klist', args, { env: { KRB5_KTNAME: `FILE:${realm.keytabs.user}` } });
    },
  );

  it('shows no keys', async () => {
    const refused = await krb5(['klist', '-kK', realm.keytabs.user]);
    const json = await krb5(['klist', '-k', '--json', realm.keytabs.user]);
    const mit = await realm.run('klist', ['-kK', realm.keytabs.user]);
    const keys = [...mit.stdout.matchAll(/\(0x([0-9a-f]+)\)/g)].map((match) => match[1] ?? 'none');
    expect([refused.status, refused.stdout, json.status, keys.length]).toEqual([1, '', 0, 4]);
    for (const key of keys) expect(`${json.stdout}${json.stderr}${refused.stderr}`).not.toContain(key);
  });

  it('of another service does not decrypt', async () => {
    const ccache = await mitCache();
    const args = ['-k', realm.keytabs.user, 'host/localhost'];
    const ours = await krb5(['kvno', ...args], { ccache });
    const mit = await realm.run('kvno', args, { ccache });
    expect([ours.status, ours.stdout]).toEqual([mit.status, mit.stdout]);
  });
});

describe('what is missing or damaged', () => {
  it.each([
    ['klist', ['/nonexistent']],
    ['klist', ['/etc/passwd']],
    ['klist', ['-s', '/nonexistent']],
    ['klist', ['NOSUCH:x']],
    ['klist', ['-k', '/nonexistent']],
    ['klist', ['-k', '/etc/passwd']],
    ['klist', ['-k', 'NOSUCH:x']],
    ['kvno', ['-c', '/nonexistent', 'host/localhost']],
    ['kvno', ['-c', 'NOSUCH:x', 'host/localhost']],
    ['kdestroy', ['-c', 'NOSUCH:x']],
    ['kinit', ['-R', '-c', '/nonexistent']],
  ])('%s %j ends as in MIT, with a typed error', async (program, args) => {
    const mit = await realm.run(program, args);
    const ours = await krb5([program, ...args]);
    expect([ours.status, ours.stdout === '']).toEqual([mit.status, true]);
    if (args[0] === '-s') return;
    expect(ours.stderr).toMatch(new RegExp(`^${program}: `));
    const json = await krb5([program, '--json', ...args]);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: expect.stringMatching(/^ERR_/) } });
  });

  it('tells of unknown services as MIT does, and goes on', async () => {
    const ccache = await mitCache();
    const args = ['host/localhost', 'nosuch/x', 'HTTP/localhost'];
    const mit = await realm.run('kvno', args, { ccache });
    const ours = await krb5(['kvno', ...args], { ccache });
    expect([ours.status, ours.stdout]).toEqual([mit.status, mit.stdout]);
    expect(ours.stderr.split('\n')[0]).toBe(mit.stderr.trimEnd());
  });
});

/** Tickets for each flag alone, of odd encryption types, with addresses, for another client, without renewal. */
function oddTickets(tgt: Credential): Credential[] {
  const named = (name: string, change: Partial<Credential>): Credential => ({
    ...tgt,
    server: { ...tgt.server, components: ['odd', name] },
    ...change,
  });
  const flags = Object.entries(TICKET_FLAGS).map(([name, flag]) => named(name, { flags: flag }));
  const etypes = [1, 2, 3, 16, 17, 18, 19, 20, 23, 24, 25, 26].map((etype) =>
    named(`etype-${etype}`, { sessionKey: new Key(etype, tgt.sessionKey.value) }),
  );
  const ipv6 = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  const addresses = [
    { addrType: 2, address: Uint8Array.of(192, 0, 2, 1) },
    { addrType: 24, address: ipv6 },
  ];
  return [
    ...flags,
    ...etypes,
    named('all', { flags: Object.values(TICKET_FLAGS).reduce((all, flag) => all | flag, 0) >>> 0 }),
    named('none', { flags: 0, renewTill: 0 }),
    named('later', { startTime: 0, renewTill: 0 }),
    named('addresses', { addresses }),
    named('client', { client: { ...tgt.client, components: ['other'] } }),
    named('client-plain', { client: { ...tgt.client, components: ['other'] }, renewTill: 0, flags: 0 }),
  ];
}
