/** `krb5 exec`: the command's tickets, its signals and statuses, and that nothing is left behind. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
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
    const child = `trap 'echo got; exit 3' ${signal}; echo $$ > ${ready}; while :; do sleep 0.1; done`;
    const script = `"$1" "$2" exec ${keytab.join(' ')} -- sh -c "$3" & pid=$!
      while [ ! -s ${ready} ]; do sleep 0.1; done; kill -${signal} $pid; wait $pid; echo $?`;
    // In the background of a shell SIGINT would be ignored; monitor mode keeps it.
    const result = await realm.run('bash', ['-mc', script, 'bash', process.execPath, MAIN, child], {
      env: { TMPDIR },
    });
    expect(result).toMatchObject({ status: 0, stdout: 'got\n3\n' });
    expect(readdirSync(TMPDIR)).toEqual([]);
  });

  it('replaces the ticket while the command runs', async () => {
    const ends = `${realm.dir}/exec-ends`;
    const show = `${process.execPath} ${MAIN} klist --json`;
    const script = `${show} > ${ends}-1; sleep 9; ${show} > ${ends}-2; kvno host/localhost`;
    expect(await exec(['-l', '10', ...keytab, ...sh(script)])).toMatchObject({ status: 0, stderr: '' });
    const end = (n: number): number => {
      const { credentials } = JSON.parse(readFileSync(`${ends}-${n}`, 'utf8')) as {
        credentials: { endTime: string }[];
      };
      return Date.parse(credentials[0]?.endTime ?? '');
    };
    expect(end(2)).toBeGreaterThan(end(1) + 3000);
  });
});
