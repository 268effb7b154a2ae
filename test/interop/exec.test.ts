/** `krb5 exec`: the command's tickets, its signals and statuses, and that nothing is left behind. */
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { krb5, MAIN, type ProgramOptions, realm } from './program.js';

const keytab = ['-k', '-t', realm.keytabs.user, realm.keytabUser];

/** Runs exec with a temporary folder of its own; what is left in it afterwards must be nothing. */
async function exec(args: string[], options: ProgramOptions = {}) {
  const TMPDIR = mkdtempSync(`${realm.dir}/exec-`);
  const result = await krb5(['exec', ...args], { ...options, env: { TMPDIR, ...options.env } });
  expect(readdirSync(TMPDIR)).toEqual([]);
  return result;
}

const sh = (script: string): string[] => ['--', 'sh', '-c', script];

describe('krb5 exec', () => {
  it('gives the command a private cache, which MIT uses', async () => {
    const script =
      'klist; kvno host/localhost; c=$(echo $KRB5CCNAME | cut -c6-); stat -c %a $c $(dirname $c)';
    const { status, stdout, stderr } = await exec([...keytab, ...sh(script)]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Default principal: u-keytab@EXAMPLE.TEST');
    expect(stdout).toMatch(/host\/localhost@EXAMPLE\.TEST: kvno = 1\n600\n700\n$/);
  });

  it('logs in with a password, or begins with the tickets of a cache', async () => {
    const byPassword = await exec(['alice', ...sh('klist')], { input: `${realm.users.alice}\n` });
    expect(byPassword.stdout).toContain('Default principal: alice@EXAMPLE.TEST');
    const ccache = realm.newCcache();
    await realm.run('kinit', ['alice'], { ccache, input: `${realm.users.alice}\n` });
    const byCache = await exec(['-c', ccache, ...sh('klist; kvno HTTP/localhost')]);
    expect([byCache.status, byCache.stdout]).toEqual([0, expect.stringContaining('kvno = 1')]);
    expect((await realm.run('klist', [], { ccache })).stdout).not.toContain('HTTP/localhost');
  });

  it.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
  ])('ends as the command: %s', async (script, status) => {
    expect(await exec([...keytab, ...sh(script)])).toMatchObject({ status, stdout: '', stderr: '' });
  });

  it('says so when it cannot run the command, or not log in, or is used wrongly', async () => {
    expect((await exec([...keytab, '--', '/nonexistent/x'])).status).toBe(127);
    expect((await exec([...keytab, '--', '/etc/passwd'])).status).toBe(126);
    const refused = await exec(['alice', ...sh('echo run')], { input: 'wrong\n' });
    expect([refused.status, refused.stdout]).toEqual([1, '']);
    expect((await exec([...keytab])).status).toBe(2);
    expect((await exec(['-c', '/nonexistent', ...sh('echo run')])).status).toBe(1);
  });

  it.each(['TERM', 'INT', 'HUP', 'USR1'])('passes SIG%s on and cleans up', async (signal) => {
    const TMPDIR = mkdtempSync(`${realm.dir}/exec-`);
    const ready = `${TMPDIR}-ready`;
    const child = `trap 'echo got; exit 3' ${signal}; echo $$ > ${ready}; for i in $(seq 500); do sleep 0.1; done`;
    const script = `"$1" "$2" exec ${keytab.join(' ')} -- sh -c "$3" & pid=$!
      while [ ! -s ${ready} ]; do sleep 0.1; done; kill -${signal} $pid; wait $pid; echo $?`;
    // In the background of a shell SIGINT would be ignored; monitor mode keeps it.
    const result = await realm.run('bash', ['-mc', script, 'bash', process.execPath, MAIN, child], {
      env: { TMPDIR },
    });
    expect(result).toMatchObject({ status: 0, stdout: 'got\n3\n' });
    expect(readdirSync(TMPDIR)).toEqual([]);
  });
});

/** Tickets of 20 seconds, replaced after 10 to 12: the tests wait together. */
describe.concurrent('krb5 exec, while the command runs', () => {
  /** A script that shows the tickets of the command at the beginning and once there are others. */
  const shows = (file: string): string => {
    const klist = `${process.execPath} ${MAIN} klist --json`;
    return `cp \${KRB5CCNAME#FILE:} ${file}; ${klist} > ${file}-1; touch ${file}-ready
      for i in $(seq 250); do cmp -s \${KRB5CCNAME#FILE:} ${file} || break; sleep 0.1; done
      ${klist} > ${file}-2; kvno host/localhost`;
  };
  interface Times {
    readonly authTime: number;
    readonly endTime: number;
  }
  /** Times of the ticket-granting ticket at the beginning and afterwards. */
  const shown = (file: string): Times[] =>
    [1, 2].map((n) => {
      const { credentials } = JSON.parse(readFileSync(`${file}-${n}`, 'utf8')) as {
        credentials: { authTime: string; endTime: string }[];
      };
      const [{ authTime, endTime } = { authTime: '', endTime: '' }] = credentials;
      return { authTime: Date.parse(authTime), endTime: Date.parse(endTime) };
    });
  const seconds = (n: number): number => 1000 * n;
  const existing = (file: string): Promise<void> =>
    vi.waitFor(() => expect(existsSync(file)).toBe(true), { timeout: 60_000 });
  const input = `${realm.users.alice}\n`;
  const limits = { timeout: 120_000 };

  it('replaces the ticket, by a new login', limits, async () => {
    const file = `${realm.dir}/exec-login`;
    const result = await exec(['-l', '20', ...keytab, ...sh(shows(file))]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const [first, last] = shown(file);
    expect(last!.endTime).toBeGreaterThan(first!.endTime + seconds(5));
    expect(last!.authTime).toBeGreaterThan(first!.authTime + seconds(5));
  });

  it('renews the ticket of a cache', limits, async () => {
    const file = `${realm.dir}/exec-renewal`;
    const ccache = realm.newCcache();
    await realm.run('kinit', ['-l', '20', '-r', '1h', 'alice'], { ccache, input });
    const result = await exec(['-c', ccache, ...sh(shows(file))]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const [first, last] = shown(file);
    expect(last!.endTime).toBeGreaterThan(first!.endTime + seconds(5));
    expect(last!.authTime).toBe(first!.authTime);
  });

  it('takes over what somebody else has got for the cache', limits, async () => {
    const file = `${realm.dir}/exec-follow`;
    const ccache = realm.newCcache();
    await realm.run('kinit', ['-l', '20', 'alice'], { ccache, input });
    const running = exec(['-c', ccache, ...sh(shows(file))]);
    await existing(`${file}-ready`);
    await realm.run('kinit', ['-l', '1h', 'alice'], { ccache, input });
    expect(await running).toMatchObject({ status: 0, stderr: '' });
    const [first, last] = shown(file);
    expect(last!.endTime).toBeGreaterThan(first!.endTime + seconds(3000));
  });

  it('warns once when there is no new ticket, and lets the command go on', limits, async () => {
    const kdc = await realm.extraKdc();
    const file = `${realm.dir}/exec-warning`;
    // Until it was tried twice.
    const tries = `[ $(grep -c 'Refreshing failed' ${file}-trace) -ge 2 ]`;
    const script = `touch ${file}-ready; for i in $(seq 500); do ${tries} && break; sleep 0.1; done; echo done; exit 5`;
    const env = { KRB5_CONFIG: kdc.krb5Conf, KRB5_TRACE: `${file}-trace` };
    const running = exec(['-l', '20', ...keytab, ...sh(script)], { env });
    await existing(`${file}-ready`);
    await kdc.stop();
    const { status, stdout, stderr } = await running;
    expect([status, stdout]).toEqual([5, 'done\n']);
    expect(stderr).toMatch(
      /^exec: Cannot contact any KDC for realm 'EXAMPLE\.TEST' while replacing the ticket\n/,
    );
    expect(stderr.match(/while replacing the ticket/g)?.length).toBe(1);
  });
});
