/** Keytabs that our program writes and MIT's programs use, and the other way round. */
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ENCTYPES, type RunResult } from '../../scripts/realServers/index.mjs';
import { parseConfig } from '../../src/client/identities.js';
import { fromCcache, fromKeytab } from '../../src/index.js';
import { movableClock } from './library.js';
import { krb5, MAIN, realm } from './program.js';

let count = 0;
function newKeytab(): string {
  return `${realm.dir}/keytab-test-${process.pid}-${count++}.keytab`;
}

function add(keytab: string, user: string, args: string[] = []): Promise<RunResult> {
  const input = `${realm.users[user]}\n`;
  return krb5(['keytab', 'add', '-t', keytab, '-p', user, ...args], { input });
}

/** What MIT's klist shows of the keytab, without the head. */
async function listed(keytab: string): Promise<string[]> {
  const { status, stdout } = await realm.run('klist', ['-keK', keytab]);
  expect(status).toBe(0);
  return stdout.trimEnd().split('\n').slice(3);
}

async function kinit(keytab: string, user: string): Promise<RunResult> {
  return realm.run('kinit', ['-k', '-t', keytab, user], { ccache: realm.newCcache() });
}

describe('krb5 keytab add', () => {
  const users = ['alice', 'u-nopreauth', 'u-norealm', 'u-onlyrealm', 'u-special', 'u-nonascii', 'u-space'];

  it.each([...users, ...ENCTYPES.map(({ name }) => `u-${name}`)])(
    'derives keys of %s with which MIT logs in, whatever the salt',
    async (user) => {
      const keytab = newKeytab();
      const result = await add(keytab, user);
      expect(result).toMatchObject({ status: 0, stdout: '' });
      expect(await kinit(keytab, user)).toMatchObject({ status: 0 });
      const ours = await krb5(['kinit', '-k', '-t', keytab, user], { ccache: realm.newCcache() });
      expect(ours).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(statSync(keytab).mode & 0o777).toBe(0o600);
      const stored = `${realm.dir}/stored-${count++}.keytab`;
      await realm.kadmin([`ktadd -norandkey -k ${stored} ${user}`]);
      const key = (line: string): string => line.trim();
      expect((await listed(keytab)).map(key).sort()).toEqual((await listed(stored)).map(key).sort());
    },
  );

  it('refuses a wrong password, an unknown user and a type that the account lacks', async () => {
    const keytab = newKeytab();
    const wrong = await krb5(['keytab', 'add', '-t', keytab, '-p', 'alice'], { input: 'wrong\n' });
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('Password incorrect')]);
    const unknown = await krb5(['keytab', 'add', '-t', keytab, '-p', 'nobody'], { input: 'x\n' });
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).not.toContain('Password for');
    const lacking = await add(keytab, 'u-aes128-sha1', ['-e', 'aes256-sha1']);
    expect([lacking.status, lacking.stderr]).toEqual([1, expect.stringContaining('choose others with -e')]);
    expect(() => statSync(keytab)).toThrow();
  });

  it('takes version and types as told, without a login', async () => {
    const keytab = newKeytab();
    const input = 'a future password\n';
    const args = [
      'keytab',
      'add',
      '--json',
      '-t',
      keytab,
      '-p',
      'bob',
      '-k',
      '300',
      '-e',
      'aes256-cts:normal',
    ];
    const { status, stdout } = await krb5(args, { input });
    expect([status, JSON.parse(stdout)]).toMatchObject([0, { added: 1, entries: [{ kvno: 300 }] }]);
    expect(stdout).not.toMatch(/[0-9a-f]{64}/);
    expect((await listed(keytab))[0]).toMatch(/^ 300 bob@EXAMPLE\.TEST \(aes256-cts-hmac-sha1-96\)/);
  });

  it('asks for a key itself, which is no argument', async () => {
    const [keytab, stored] = [newKeytab(), newKeytab()];
    await realm.kadmin(['addprinc -randkey u-key', `ktadd -k ${stored} u-key`]);
    const [line = ''] = (await listed(stored)).filter((row) => row.includes('(aes256-cts-hmac-sha1-96)'));
    const [, kvno = '', key = ''] = /^ *(\d+) .*\(0x([0-9a-f]+)\)/.exec(line) ?? [];
    const args = ['keytab', 'add', '--key', '-t', keytab, '-p', 'u-key', '-k', kvno, '-e', 'aes256-cts'];
    const result = await krb5(args, { input: `${key.toUpperCase()}\n` });
    expect(result).toMatchObject({ status: 0, stdout: '' });
    expect(result.stderr).toBe('Key for u-key@EXAMPLE.TEST (hex): \n');
    expect(await listed(keytab)).toEqual([line]);
    expect(await kinit(keytab, 'u-key')).toMatchObject({ status: 0 });
    for (const input of ['abc\n', `${key}00\n`, 'xy\n', '\n']) {
      const bad = await krb5(args, { input });
      expect(bad.status).toBe(1);
      expect(bad.stderr).not.toContain(key);
    }
    expect((await krb5(args.filter((arg) => arg !== '-k' && arg !== kvno))).status).toBe(2);
    expect((await krb5([...args, '-s', 'salt'])).status).toBe(2);
    expect(await listed(keytab)).toEqual([line]);
  });

  it('takes a salt as ktutil does, without asking a KDC when it knows the version', async () => {
    const [ours, theirs] = [newKeytab(), newKeytab()];
    const password = 'pässword';
    const salt = 'EXAMPLE.TESTsömebody';
    const entry = (etype: string) =>
      `add_entry -password -p bob@NO.KDC -k 7 -e ${etype} -s ${salt}\n${password}\n`;
    const etypes = ['aes256-cts-hmac-sha1-96', 'aes128-cts-hmac-sha256-128'];
    await realm.run('ktutil', [], { input: `${etypes.map(entry).join('')}write_kt ${theirs}\n` });
    const args = ['-t', ours, '-p', 'bob@NO.KDC', '-k', '7', '-e', etypes.join(','), '-s', salt];
    const result = await krb5(['keytab', 'add', ...args], { input: `${password}\n` });
    expect(result).toMatchObject({ status: 0, stdout: '' });
    expect((await listed(ours)).toSorted()).toEqual((await listed(theirs)).toSorted());
    expect(await listed(ours)).toHaveLength(2);
  });

  it('leaves what MIT wrote as it is, and MIT goes on adding', async () => {
    const keytab = newKeytab();
    await realm.kadmin([`ktadd -norandkey -k ${keytab} HTTP/localhost host/localhost`]);
    const before = readFileSync(keytab);
    expect((await add(keytab, 'alice')).status).toBe(0);
    expect(readFileSync(keytab).subarray(0, before.length)).toEqual(before);
    await realm.kadmin([`ktadd -norandkey -k ${keytab} test/aes128-sha1`]);
    expect(await listed(keytab)).toHaveLength(4 + 4 + 4 + 1);
    expect(await kinit(keytab, 'alice')).toMatchObject({ status: 0 });
    const again = await add(keytab, 'alice');
    expect([again.status, (await listed(keytab)).length]).toEqual([0, 13]);
  });
});

describe('krb5 keytab remove and merge', () => {
  it('uses the holes that MIT leaves, and leaves holes that MIT uses', async () => {
    const keytab = newKeytab();
    await realm.kadmin([
      `ktadd -norandkey -k ${keytab} HTTP/localhost alice host/localhost`,
      `ktrem -k ${keytab} alice all`,
    ]);
    const { size } = statSync(keytab);
    expect((await add(keytab, 'alice')).status).toBe(0);
    expect(statSync(keytab).size).toBe(size);
    const removed = await krb5(['keytab', 'remove', '--json', '-t', keytab, '-p', 'alice']);
    expect(JSON.parse(removed.stdout)).toMatchObject({ removed: 4 });
    expect(statSync(keytab).size).toBe(size);
    await realm.kadmin([`ktadd -norandkey -k ${keytab} alice`]);
    expect(statSync(keytab).size).toBe(size);
    expect(await kinit(keytab, 'alice')).toMatchObject({ status: 0 });
    expect(await listed(keytab)).toHaveLength(12);
  });

  it('removes old versions only when told so', async () => {
    const keytab = newKeytab();
    await realm.kadmin([
      'addprinc -randkey u-ktold',
      `ktadd -k ${keytab} u-ktold`,
      `ktadd -k ${keytab} u-ktold`,
    ]);
    expect(await listed(keytab)).toHaveLength(8);
    expect((await krb5(['keytab', 'remove', '-t', keytab, '-p', 'u-ktold', '-k', 'old'])).status).toBe(0);
    expect((await listed(keytab)).every((line) => line.startsWith('   3 '))).toBe(true);
    expect(await kinit(keytab, 'u-ktold')).toMatchObject({ status: 0 });
    const none = await krb5(['keytab', 'remove', '-t', keytab, '-p', 'u-ktold', '-k', 'old']);
    expect([none.status, none.stderr]).toEqual([1, expect.stringContaining('no such keys')]);
  });

  it('merges, each key once, and never damages a file that is no keytab', async () => {
    const keytab = newKeytab();
    const from = [realm.keytabs.services, realm.keytabs.user, realm.keytabs.services];
    expect((await krb5(['keytab', 'merge', '-t', keytab, ...from])).status).toBe(0);
    const expected = [...(await listed(realm.keytabs.services)), ...(await listed(realm.keytabs.user))];
    expect(await listed(keytab)).toEqual(expected);
    writeFileSync(keytab, 'not a keytab');
    expect((await krb5(['keytab', 'merge', '-t', keytab, ...from])).status).toBe(1);
    expect((await add(keytab, 'alice')).status).toBe(1);
    expect(readFileSync(keytab, 'utf8')).toBe('not a keytab');
  });

  it('leaves the old or the new keytab when it is killed, whenever that is', async () => {
    const keytab = newKeytab();
    await realm.kadmin([`ktadd -norandkey -k ${keytab} alice`]);
    const before = await listed(keytab);
    const all = [...before, ...(await listed(realm.keytabs.services))];
    const attempt = newKeytab();
    const merge = ['keytab', 'merge', '-t', attempt, realm.keytabs.services];
    copyFileSync(keytab, attempt);
    const started = performance.now();
    expect(await krb5(merge)).toMatchObject({ status: 0 });
    const wholeMs = performance.now() - started;
    // Mostly near the end, where the keytab is written, however long the start of the program takes here.
    for (const share of [0.4, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]) {
      copyFileSync(keytab, attempt);
      const script = 's=$1; shift; "$@" & sleep "$s"; kill -9 $!; wait $!; true';
      const seconds = String((wholeMs * share) / 1000);
      await realm.run('bash', ['-c', script, 'bash', seconds, process.execPath, MAIN, ...merge]);
      expect([before, all]).toContainEqual(await listed(attempt));
    }
  });

  it('lists as klist -ket', async () => {
    const ours = await krb5(['keytab', 'list', '-t', realm.keytabs.services]);
    expect(ours).toEqual(await realm.run('klist', ['-ket', realm.keytabs.services]));
  });
});

describe('a client keytab', () => {
  const env = { KRB5_CLIENT_KTNAME: `FILE:${realm.keytabs.user}` };

  it('logs in krb5 token, as MIT would, and notes when to do so again', async () => {
    const ccache = realm.newCcache();
    expect((await krb5(['token', 'HTTP@localhost'], { ccache })).status).toBe(1);
    expect((await krb5(['token', 'HTTP@localhost'], { ccache, env })).status).toBe(0);
    const { stdout } = await realm.run('klist', ['-C'], { ccache });
    expect(stdout).toContain('Default principal: u-keytab@EXAMPLE.TEST');
    expect(stdout).toMatch(/^config: refresh_time = \d{10}$/m);
    expect((await krb5(['kvno', 'host/localhost'], { ccache: realm.newCcache(), env })).status).toBe(1);
  });

  it('is used by kinit -i and klist -ki as in MIT', async () => {
    const ours = realm.newCcache();
    const theirs = realm.newCcache();
    const mit = await realm.run('kinit', ['-V', '-k', '-i', '-c', theirs], { env });
    const own = await krb5(['kinit', '-V', '-k', '-i', '-c', ours], { env });
    expect(own.stderr.replace(ours, theirs)).toBe(mit.stderr);
    expect(own.status).toBe(0);
    expect(await krb5(['klist', '-ki'], { env })).toEqual(await realm.run('klist', ['-ki'], { env }));
  });

  it('replaces tickets that near their end or are due', async () => {
    const ccache = realm.newCcache();
    const config = parseConfig(readFileSync(realm.krb5Conf, 'utf8'));
    const options = { ccache, config, clientKeytab: realm.keytabs.user };
    const kinitArgs = ['-k', '-t', realm.keytabs.user, '-l', '20', realm.keytabUser];
    expect(await realm.run('kinit', kinitArgs, { ccache })).toMatchObject({ status: 0 });
    const ends = async (): Promise<string> => {
      const { stdout } = await krb5(['klist', '--json'], { ccache });
      return (JSON.parse(stdout) as { credentials: { endTime: string }[] }).credentials[0]?.endTime ?? '';
    };
    const before = await ends();
    (await fromCcache({ ...options, clientKeytab: false })).dispose();
    expect(await ends()).toBe(before);
    (await fromCcache(options)).dispose();
    const after = await ends();
    expect(Date.parse(after)).toBeGreaterThan(Date.parse(before) + 3_600_000);
    (await fromCcache(options)).dispose();
    expect(await ends()).toBe(after);
  });
});

describe('a client with a keytab whose keys are changed', () => {
  const config = parseConfig(readFileSync(realm.krb5Conf, 'utf8'));

  /** A client of a new principal, and what the KDC refused it. */
  async function rotating(principal: string) {
    const keytab = newKeytab();
    await realm.kadmin([`addprinc -randkey ${principal}`, `ktadd -k ${keytab} ${principal}`]);
    const refusals: string[] = [];
    const trace = ({ text }: { text: string }): void => {
      const code = /KRB-ERROR (\w+)/.exec(text)?.[1];
      if (code !== undefined && code !== 'KDC_ERR_PREAUTH_REQUIRED') refusals.push(code);
    };
    const environment = movableClock();
    const client = await fromKeytab({ config, keytab, principal, trace, environment });
    return { keytab, client, refusals, environment };
  }

  it('goes on with the new keys, without a failed login', async () => {
    const { keytab, client, refusals, environment } = await rotating('u-rotating');
    for (let round = 0; round < 3; round++) {
      const { credential } = await client.login({ lifetimeSeconds: 60 });
      await client.serviceTicket('host/localhost');
      await realm.kadmin([`ktadd -k ${keytab} u-rotating`]);
      environment.aheadSeconds += 70;
      const next = await client.ticketGrantingTicket();
      expect(next.endTime).toBeGreaterThan(credential.endTime);
    }
    expect(refusals).toEqual([]);
    client.dispose();
  });

  it('asks once until the keytab has the key that the KDC goes by', async () => {
    const { keytab, client, refusals } = await rotating('u-late');
    await realm.kadmin(['cpw -randkey u-late']);
    const refused = { code: 'KDC_ERR_PREAUTH_FAILED' };
    for (let i = 0; i < 20; i++)
      await expect(client.serviceTicket('host/localhost')).rejects.toMatchObject(refused);
    expect(refusals).toEqual(['KDC_ERR_PREAUTH_FAILED']);
    await realm.kadmin([`ktadd -norandkey -k ${keytab} u-late`]);
    await client.serviceTicket('host/localhost');
    expect(refusals).toHaveLength(1);
    client.dispose();
  });
});
