/** Keytabs that we write and Heimdal's programs use, and the other way round; all log in with them at MIT's KDC. */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ENCTYPES, type Heimdal, type RunResult, unpackHeimdal } from '../../scripts/realServers/index.mjs';
import { fromKeytab } from '../../src/client/identities.js';
import { Key } from '../../src/crypto/key.js';
import type { KeytabEntry } from '../../src/formats/keytab.js';
import { parsePrincipal } from '../../src/formats/principal.js';
import {
  addToKeytabFile,
  readKeytabFile,
  removeFromKeytabFile,
  writeKeytabFile,
} from '../../src/stores/fileKeytab.js';
import { nameOf, succeeded } from './cacheSupport.js';
import { configOf } from './library.js';
import { krb5, realm } from './program.js';

const AES256_SHA1 = 18;
let heimdal: Heimdal;

beforeAll(async () => {
  heimdal = await unpackHeimdal(realm);
});

let count = 0;
function newKeytab(): string {
  return `${realm.dir}/heimdal-keytab-${process.pid}-${count++}.keytab`;
}

/** Heimdal's ktutil on a keytab. */
function ktutil(keytab: string, args: string[]): Promise<RunResult> {
  return heimdal.run('ktutil.heimdal', ['-k', `FILE:${keytab}`, ...args]);
}

/** What Heimdal's ktutil shows of a keytab: version, type, principal and key in hex. */
async function heimdalKeys(keytab: string): Promise<string[]> {
  const { stdout } = succeeded(await ktutil(keytab, ['list', '--keys']));
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  return rows.filter(([version]) => /^\d+$/.test(version ?? '')).map((row) => row.join(' '));
}

/** The same of our reading. */
async function ourKeys(keytab: string): Promise<string[]> {
  return (await readKeytabFile(keytab)).map(({ kvno, principal, key }) => {
    const { kadmin } = ENCTYPES.find(({ etype }) => etype === key.etype) ?? { kadmin: '?' };
    return `${kvno} ${kadmin} ${nameOf(principal)}@${principal.realm} ${Buffer.from(key.value).toString('hex')}`;
  });
}

/** Logs in as `user` with the keytab: Heimdal, MIT and we. */
async function allLogIn(keytab: string, user: string): Promise<void> {
  const ccache = realm.newCcache();
  const args = ['-k', '-t', `FILE:${keytab}`, `${user}@EXAMPLE.TEST`];
  succeeded(await heimdal.run('kinit.heimdal', args, { ccache }));
  succeeded(await realm.run('kvno', ['HTTP/localhost'], { ccache }));
  succeeded(await realm.run('kinit', ['-k', '-t', keytab, user], { ccache: realm.newCcache() }));
  succeeded(await krb5(['kinit', '-k', '-t', keytab, user], { ccache: realm.newCcache() }));
  const client = await fromKeytab({ principal: user, keytab, config: configOf(realm) });
  expect(nameOf((await client.login()).credential.client)).toBe(user);
  client.dispose();
}

function entry(name: string, kvno: number, etype: number, octet: number): KeytabEntry {
  const key = new Key(etype, new Uint8Array(etype === 17 || etype === 19 ? 16 : 32).fill(octet));
  return { principal: parsePrincipal(name), timestamp: 1_700_000_000, kvno, key };
}

describe('keytabs of ours', () => {
  it.each(['alice', 'u-special', ...ENCTYPES.map(({ name }) => `u-${name}`)])(
    'by krb5 keytab add, log in %s with kinit of Heimdal',
    async (user) => {
      const keytab = newKeytab();
      const input = `${realm.users[user]}\n`;
      succeeded(await krb5(['keytab', 'add', '-t', keytab, '-p', user], { input }));
      expect((await heimdalKeys(keytab)).length).toBeGreaterThan(0);
      expect(await heimdalKeys(keytab)).toEqual(await ourKeys(keytab));
      await allLogIn(keytab, user);
    },
  );

  it('are read by ktutil: all types, large versions, services and other realms', async () => {
    const keytab = newKeytab();
    const entries = ENCTYPES.map(({ etype }, i) =>
      entry('HTTP/www.example.test@EXAMPLE.TEST', i + 1, etype, i),
    );
    await writeKeytabFile(keytab, entries);
    expect(await heimdalKeys(keytab)).toEqual(await ourKeys(keytab));
    const more = [entry('host/a@OTHER.TEST', 255, 18, 9), entry('host/a@OTHER.TEST', 70_000, 20, 8)];
    expect(await addToKeytabFile(keytab, [...more, ...entries])).toBe(2);
    const keys = await heimdalKeys(keytab);
    expect(keys).toEqual(await ourKeys(keytab));
    expect(keys.map((row) => row.split(' ')[0])).toEqual(['1', '2', '3', '4', '255', '70000']);
    // Heimdal passes over the holes that we leave, and we those that it leaves.
    expect(await removeFromKeytabFile(keytab, ({ kvno }) => kvno === 2)).toBe(1);
    succeeded(await ktutil(keytab, ['remove', '-p', 'host/a@OTHER.TEST', '-V', '255']));
    expect(await heimdalKeys(keytab)).toEqual([keys[0], keys[2], keys[3], keys[5]]);
    expect(await ourKeys(keytab)).toEqual(await heimdalKeys(keytab));
  });

  it('are extended by ktutil, and what we wrote stays', async () => {
    const keytab = newKeytab();
    const from = [realm.keytabs.services, realm.keytabs.user];
    succeeded(await krb5(['keytab', 'merge', '-t', keytab, ...from]));
    const before = await ourKeys(keytab);
    expect(await heimdalKeys(keytab)).toEqual(before);
    await addByHeimdal(keytab, 'alice', 1);
    expect((await ourKeys(keytab)).slice(0, before.length)).toEqual(before);
    await allLogIn(keytab, 'alice');
    await allLogIn(keytab, realm.keytabUser);
  });
});

/** Heimdal's ktutil derives a key from the user's password and adds it. */
async function addByHeimdal(keytab: string, user: string, kvno: number): Promise<void> {
  const { kadmin } = ENCTYPES.find(({ etype }) => etype === AES256_SHA1) ?? { kadmin: '' };
  const principal = `${user}@EXAMPLE.TEST`;
  const secret = ['-w', realm.users[user] ?? ''];
  succeeded(await ktutil(keytab, ['add', '-p', principal, '-V', String(kvno), '-e', kadmin, ...secret]));
}

describe("keytabs of Heimdal's ktutil", () => {
  it('with a password: the same key as ours, and all log in', async () => {
    const keytab = newKeytab();
    await addByHeimdal(keytab, 'alice', 1);
    const ours = newKeytab();
    const args = ['keytab', 'add', '-t', ours, '-p', 'alice', '-e', 'aes256-sha1'];
    succeeded(await krb5(args, { input: `${realm.users.alice}\n` }));
    expect(await ourKeys(keytab)).toEqual(await ourKeys(ours));
    const listed = succeeded(await krb5(['klist', '-ke', keytab])).stdout;
    expect(listed).toBe(succeeded(await realm.run('klist', ['-ke', keytab])).stdout);
    await allLogIn(keytab, 'alice');
  });

  it.each(ENCTYPES)('with random keys of $kadmin', async ({ kadmin, etype }) => {
    const keytab = newKeytab();
    const add = ['add', '-r', '-p', 'host/random@EXAMPLE.TEST', '-e', kadmin];
    for (const kvno of ['3', '300']) succeeded(await ktutil(keytab, [...add, '-V', kvno]));
    const entries = await readKeytabFile(keytab);
    expect(entries.map(({ kvno, key }) => [kvno, key.etype])).toEqual([
      [3, etype],
      [300, etype],
    ]);
    expect(await ourKeys(keytab)).toEqual(await heimdalKeys(keytab));
    // Written again by us, the same for Heimdal.
    const again = newKeytab();
    await writeKeytabFile(again, entries);
    expect(await heimdalKeys(again)).toEqual(await heimdalKeys(keytab));
  });

  it('are added to, and what Heimdal wrote stays octet by octet', async () => {
    const keytab = newKeytab();
    await addByHeimdal(keytab, 'bob', 1);
    const before = readFileSync(keytab);
    const input = `${realm.users.alice}\n`;
    succeeded(await krb5(['keytab', 'add', '-t', keytab, '-p', 'alice'], { input }));
    expect(readFileSync(keytab).subarray(0, before.length)).toEqual(before);
    expect(await heimdalKeys(keytab)).toEqual(await ourKeys(keytab));
    await allLogIn(keytab, 'alice');
    await allLogIn(keytab, 'bob');
  });

  it('that are cut are refused, not half read', async () => {
    const keytab = newKeytab();
    await addByHeimdal(keytab, 'bob', 1);
    writeFileSync(keytab, readFileSync(keytab).subarray(0, -5));
    await expect(readKeytabFile(keytab)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_KEYTAB_FORMAT' }),
    );
  });
});
