/** The built program `krb5` against a real KDC, side by side with MIT's programs. */
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MitClient, RunResult } from '../../scripts/realServers/index.mjs';
import { readCcacheFile } from '../../src/stores/fileCcache.js';
import { readKeytabFile } from '../../src/stores/fileKeytab.js';
import { servers } from './servers.js';

const { realm, apache } = servers();
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

type RunOptions = NonNullable<Parameters<MitClient['run']>[2]>;

function krb5(args: string[], options: RunOptions = {}): Promise<RunResult> {
  return realm.run(process.execPath, [MAIN, ...args], options);
}

function passwordOf(user: string): string {
  return `${realm.users[user]}\n`;
}

/** A cache that our kinit wrote. */
async function ourCache(user: string, args: string[] = []): Promise<string> {
  const ccache = realm.newCcache();
  const result = await krb5(['kinit', ...args, '-c', ccache, user], { input: passwordOf(user) });
  expect(result).toEqual({ status: 0, stdout: '', stderr: `Password for ${user}@${realm.realm}: \n` });
  return ccache;
}

/** A cache that MIT's kinit wrote. */
async function mitCache(user: string, args: string[] = []): Promise<string> {
  const ccache = realm.newCcache();
  const input = passwordOf(user);
  expect(await realm.run('kinit', [...args, '-c', ccache, user], { input })).toMatchObject({ status: 0 });
  return ccache;
}

/** The first line of standard error without MIT's prompt; ours has more lines. */
function complaint({ stderr }: RunResult): string {
  return stderr.replace(/^Password for \S+: \n/, '').split('\n')[0] ?? '';
}

beforeAll(() => {
  expect(existsSync(MAIN), 'npm run build comes first').toBe(true);
});

describe('krb5 kinit', () => {
  it('writes a cache that klist, kvno and kinit -R of MIT use', async () => {
    const ccache = await ourCache('alice', ['-r', '2d']);
    const { stdout } = await realm.run('klist', ['-e'], { ccache });
    expect(stdout).toContain('Default principal: alice@EXAMPLE.TEST');
    expect(stdout).toContain('krbtgt/EXAMPLE.TEST@EXAMPLE.TEST');
    expect(stdout).toContain('Etype (skey, tkt): aes256-cts-hmac-sha1-96');
    expect(await realm.run('kvno', ['host/localhost'], { ccache })).toMatchObject({ status: 0 });
    expect(await realm.run('kinit', ['-R'], { ccache })).toMatchObject({ status: 0 });
    expect(statSync(ccache.replace('FILE:', '')).mode & 0o777).toBe(0o600);
  });

  it('asks for the lifetimes and flags that the options say', async () => {
    const ccache = await ourCache('alice', ['-l1h', '-r', '2d', '-fp']);
    const { stdout } = await krb5(['klist', '--json'], { ccache });
    const { credentials } = JSON.parse(stdout) as { credentials: Record<string, string>[] };
    const { startTime, endTime, renewTill, flagLetters } = credentials[0] ?? {};
    // The KDC may see a request seconds after its times were set.
    for (const [until, seconds] of [
      [endTime, 3600],
      [renewTill, 2 * 86_400],
    ] as const) {
      expect(secondsBetween(startTime, until)).toBeLessThanOrEqual(seconds);
      expect(secondsBetween(startTime, until)).toBeGreaterThan(seconds - 60);
    }
    expect(flagLetters).toBe('FPRIA');
    const plain = await ourCache('alice', ['-F', '-P', '-l', '600']);
    expect((await realm.run('klist', ['-f'], { ccache: plain })).stdout).toMatch(/Flags: R?IA\n/);
  });

  it('tells with -V and --json what it does and got', async () => {
    const ccache = realm.newCcache();
    const path = ccache.replace('FILE:', '');
    const input = passwordOf('alice');
    const mit = await realm.run('kinit', ['-V', 'alice'], { input, ccache });
    const ours = await krb5(['kinit', '-V', 'alice'], { input, ccache });
    const prompt = 'Password for alice@EXAMPLE.TEST: \n';
    expect(ours.stderr.replace(prompt, '')).toBe(mit.stderr);
    expect(mit.stderr).toContain(`Using default cache: ${path}\n`);
    const json = await krb5(['kinit', '--json', 'alice'], { input, ccache });
    expect(json).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({
      cache: ccache,
      client: 'alice@EXAMPLE.TEST',
      server: 'krbtgt/EXAMPLE.TEST@EXAMPLE.TEST',
    });
  });

  it('takes the password as it comes: any octets, blanks, no line end', async () => {
    for (const user of ['u-nonascii', 'u-space', 'u-nopreauth']) await ourCache(user);
    const ccache = realm.newCcache();
    const input = realm.users.alice ?? '';
    expect(await krb5(['kinit', 'alice'], { input, ccache })).toMatchObject({ status: 0 });
    const carriageReturn = await krb5(['kinit', 'alice'], { input: `${input}\r\n`, ccache });
    expect(carriageReturn.status).toBe(1);
  });

  it('logs in whom the cache names, unless told', async () => {
    const ccache = await ourCache('bob');
    const again = await krb5(['kinit'], { input: passwordOf('bob'), ccache });
    expect(again).toMatchObject({ status: 0, stderr: 'Password for bob@EXAMPLE.TEST: \n' });
    const fresh = await krb5(['kinit'], { input: '', ccache: realm.newCcache() });
    expect(fresh.status).toBe(1);
    expect(fresh.stderr).toContain("kinit: Client 'root@EXAMPLE.TEST' not found in Kerberos database");
  });

  it('uses a keytab', async () => {
    const ccache = realm.newCcache();
    const args = ['kinit', '-k', '-t', realm.keytabs.user, realm.keytabUser];
    expect(await krb5(args, { ccache })).toEqual({ status: 0, stdout: '', stderr: '' });
    expect((await realm.run('klist', [], { ccache })).stdout).toContain('u-keytab@EXAMPLE.TEST');
    const forced = await krb5(['kinit', '-t', realm.keytabs.user, realm.keytabUser], { ccache });
    expect(forced).toMatchObject({ status: 0, stderr: 'keytab specified, forcing -k\n' });
    const variable = await krb5(['kinit', '-k', realm.keytabUser], {
      ccache,
      env: { KRB5_KTNAME: realm.keytabs.user },
    });
    expect(variable.status).toBe(0);
  });

  it('says what a keytab has when it lacks the key', async () => {
    const ccache = realm.newCcache();
    for (const principal of [[], ['alice']]) {
      const refused = await krb5(['kinit', '-kt', realm.keytabs.user, ...principal], { ccache });
      expect(refused.status).toBe(1);
      expect(complaint(refused)).toMatch(
        /^kinit: Keytab contains no suitable keys for \S+@EXAMPLE.TEST while getting initial credentials$/,
      );
      expect(refused.stderr).toContain('u-keytab@EXAMPLE.TEST');
    }
  });

  it('gets initial tickets for other services', async () => {
    const ccache = await ourCache('alice', ['-S', 'kadmin/changepw']);
    expect((await realm.run('klist', [], { ccache })).stdout).toContain('kadmin/changepw@EXAMPLE.TEST');
    expect((await krb5(['klist', '-s'], { ccache })).status).toBe(0);
  });

  it('renews', async () => {
    const ccache = await mitCache('alice', ['-r', '2d']);
    const before = await ticketOf(ccache);
    expect(await krb5(['kinit', '-R'], { ccache })).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await ticketOf(ccache)).not.toEqual(before);
    expect(await realm.run('kvno', ['host/localhost'], { ccache })).toMatchObject({ status: 0 });
    const other = await krb5(['kinit', '-R', 'bob'], { ccache });
    expect(complaint(other)).toBe(complaint(await realm.run('kinit', ['-R', 'bob'], { ccache })));
  });
});

describe('krb5 kinit, refused', () => {
  it.each(['u-expired', 'u-locked', 'nobody', 'alice'])('tells of %s as MIT does', async (user) => {
    const ccache = realm.newCcache();
    const input = 'wrong password\n';
    const ours = await krb5(['kinit', user], { input, ccache });
    const mit = await realm.run('kinit', [user], { input, ccache });
    expect([ours.status, ours.stdout, complaint(ours)]).toEqual([1, '', complaint(mit)]);
    expect(existsSync(ccache.replace('FILE:', ''))).toBe(false);
  });

  it('asks for no password where none helps', async () => {
    const { stderr } = await krb5(['kinit', 'nobody'], { input: 'x\n', ccache: realm.newCcache() });
    expect(stderr).not.toContain('Password for');
  });

  it('leaves the old cache as it is', async () => {
    const ccache = await ourCache('alice');
    const before = readFileSync(ccache.replace('FILE:', ''));
    expect((await krb5(['kinit', 'alice'], { input: 'wrong\n', ccache })).status).toBe(1);
    expect(readFileSync(ccache.replace('FILE:', ''))).toEqual(before);
  });

  it('tells of an expired password', async () => {
    const result = await krb5(['kinit', 'u-pwexpired'], { input: 'x\n', ccache: realm.newCcache() });
    expect(complaint(result)).toBe('kinit: Password has expired while getting initial credentials');
    expect(result.status).toBe(1);
  });

  it('tells of a locked-out account', async () => {
    await realm.kadmin(['addprinc -pw lock-pw -policy lockout +requires_preauth u-lock-cli']);
    const ccache = realm.newCcache();
    for (let attempt = 0; attempt < 3; attempt++) {
      const wrong = await krb5(['kinit', 'u-lock-cli'], { input: 'wrong\n', ccache });
      expect(complaint(wrong)).toBe('kinit: Password incorrect while getting initial credentials');
    }
    const locked = await krb5(['kinit', 'u-lock-cli'], { input: 'lock-pw\n', ccache });
    expect(complaint(locked)).toBe(
      "kinit: Client's credentials have been revoked while getting initial credentials",
    );
  });

  it('tells of an outdated keytab as MIT does', async () => {
    const keytab = `${realm.dir}/stale.keytab`;
    await realm.kadmin(['addprinc -randkey u-stale', `ktadd -k ${keytab} u-stale`, 'cpw -randkey u-stale']);
    const args = ['-kt', keytab, 'u-stale'];
    const ccache = realm.newCcache();
    const mit = await realm.run('kinit', args, { ccache });
    expect(complaint(await krb5(['kinit', ...args], { ccache }))).toBe(complaint(mit));
  });

  it('tells of unknown realms and dead KDCs, with every attempt', async () => {
    const ccache = realm.newCcache();
    const input = 'x\n';
    const unknown = await krb5(['kinit', 'alice@NO.REALM'], { input, ccache });
    const mit = await realm.run('kinit', ['alice@NO.REALM'], { input, ccache });
    expect(complaint(unknown)).toBe(complaint(mit));
    const env = { KRB5_CONFIG: deadKdc() };
    const dead = await krb5(['kinit', 'alice'], { input, ccache, env });
    expect(complaint(dead)).toBe(complaint(await realm.run('kinit', ['alice'], { input, ccache, env })));
    expect(dead.stderr).toContain('udp 127.0.0.1:1: ');
    const json = await krb5(['kinit', '--json', 'alice'], { input, ccache, env });
    const { error } = JSON.parse(json.stderr) as { error: { code: string; attempts: unknown[] } };
    expect([json.status, error.code, error.attempts.length]).toEqual([1, 'ERR_KDC_UNREACHABLE', 2]);
  });

  it('tells by how much the clocks differ', async () => {
    const conf = `${realm.dir}/cli-no-timesync.conf`;
    writeFileSync(conf, '[libdefaults]\n kdc_timesync = 0\n');
    const env = { KRB5_CONFIG: `${conf}:${realm.krb5Conf}` };
    const options = { env, input: passwordOf('alice'), faketime: '+1h', ccache: realm.newCcache() };
    const ours = await krb5(['kinit', 'alice'], options);
    expect(complaint(ours)).toBe(complaint(await realm.run('kinit', ['alice'], options)));
    expect(ours.stderr).toMatch(/differs by 3(59|60)\d s/);
  });

  it('names an unusable service, cache or realm', async () => {
    const input = passwordOf('alice');
    const options = { input, ccache: realm.newCcache() };
    const service = await krb5(['kinit', '-S', 'nosuch/x', 'alice'], options);
    expect(complaint(service)).toBe(
      complaint(await realm.run('kinit', ['-S', 'nosuch/x', 'alice'], options)),
    );
    const type = await krb5(['kinit', '--json', '-c', 'KEYRING:x', 'alice'], options);
    expect([type.status, JSON.parse(type.stderr)]).toMatchObject([1, { error: { code: 'ERR_CCACHE_TYPE' } }]);
    const folder = await krb5(['kinit', '-c', '/nonexistent/cc', 'alice'], options);
    expect(folder.status).toBe(1);
    expect(folder.stderr).toContain('/nonexistent/cc cannot be written (ENOENT: no such file or directory)');
    const noRealm = { ...options, env: { KRB5_CONFIG: '/nonexistent' } };
    expect(complaint(await krb5(['kinit', 'alice'], noRealm))).toBe(
      complaint(await realm.run('kinit', ['alice'], noRealm)),
    );
  });

  it('tells when a ticket cannot be renewed', async () => {
    await realm.kadmin(['addprinc -pw norenew-pw -maxrenewlife 0 u-norenew']);
    const ccache = realm.newCcache();
    await krb5(['kinit', 'u-norenew'], { ccache, input: 'norenew-pw\n' });
    const ours = await krb5(['kinit', '-R'], { ccache });
    expect([ours.status, complaint(ours)]).toEqual([
      1,
      complaint(await realm.run('kinit', ['-R'], { ccache })),
    ]);
  });
});

describe('krb5 at a terminal', () => {
  it('shows no password, takes editing keys and restores the terminal', async () => {
    const good = realm.users.alice ?? '';
    for (const typed of [`${good}\r`, `${good}x\x7f\r`, `junk\x15${good}\r`]) {
      const { output, status, echo, echoAfter } = await atTerminal(['kinit', 'alice'], typed);
      expect(output).toBe('Password for alice@EXAMPLE.TEST: \r\n');
      expect([status, echo, echoAfter]).toEqual([0, false, true]);
    }
  });

  it('ends with 130 after Ctrl-C and 1 after Ctrl-D', async () => {
    const interrupted = await atTerminal(['kinit', 'alice'], 'al\x03');
    expect([interrupted.status, interrupted.echoAfter]).toEqual([130, true]);
    expect(interrupted.output).toBe('Password for alice@EXAMPLE.TEST: \r\n');
    const ended = await atTerminal(['kinit', 'alice'], '\x04');
    expect([ended.status, ended.echoAfter]).toEqual([1, true]);
    expect(ended.output).toContain('kinit: Cannot read password while getting initial credentials');
  });
});

describe('krb5 token', () => {
  it('is taken by Apache, and the ticket is kept', async () => {
    const ccache = await mitCache('alice');
    const { status, stdout } = await krb5(['token', 'HTTP@localhost'], { ccache });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^YI[A-Za-z0-9+/=]+\n$/)]);
    const header = `Authorization: Negotiate ${stdout.trim()}`;
    const page = await realm.run('curl', ['-s', '-H', header, `${apache.url}/krb`]);
    expect(page.stdout).toContain('REMOTE_USER=alice@EXAMPLE.TEST');
    expect((await realm.run('klist', [], { ccache })).stdout).toContain('HTTP/localhost@EXAMPLE.TEST');
    const bare = await krb5(['token', '--krb5', '--json', 'HTTP/localhost'], { ccache });
    expect(JSON.parse(bare.stdout)).toMatchObject({ mechanism: 'krb5', token: expect.stringMatching(/^YI/) });
  });

  it('takes the cache that .k5identity names for the service', async () => {
    const HOME = mkdtempSync(`${realm.dir}/home-`);
    const ccache = `DIR:${HOME}/caches`;
    const user = realm.keytabUser;
    writeFileSync(`${HOME}/.k5identity`, `${user}@EXAMPLE.TEST service=HTTP\n`);
    await realm.run('kinit', ['-k', '-t', realm.keytabs.user, user], { ccache });
    await realm.run('kinit', ['alice'], { ccache, input: `${realm.users.alice}\n` });
    for (const service of ['HTTP@localhost', 'host@localhost']) {
      expect((await krb5(['token', service], { ccache, env: { HOME } })).status).toBe(0);
    }
    const { stdout } = await realm.run('klist', ['-A'], { ccache });
    const [first = '', second = ''] = stdout.split('\n\nTicket cache');
    expect(first).toMatch(/Default principal: alice@[\s\S]*host\/localhost@/);
    expect(second).toMatch(/Default principal: u-keytab@[\s\S]*HTTP\/localhost@/);
  });

  it('needs a cache and a known service', async () => {
    const none = await krb5(['token', 'HTTP@localhost'], { ccache: realm.newCcache() });
    expect([none.status, none.stdout]).toEqual([1, '']);
    const ccache = await ourCache('alice');
    const unknown = await krb5(['token', '--json', 'nosuch@x'], { ccache });
    expect([unknown.status, unknown.stdout]).toEqual([1, '']);
    expect(JSON.parse(unknown.stderr)).toMatchObject({ error: { code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' } });
  });
});

describe('krb5 kdestroy', () => {
  it('removes the cache; without one it does as MIT', async () => {
    const ccache = await ourCache('alice');
    expect(await krb5(['kdestroy'], { ccache })).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(existsSync(ccache.replace('FILE:', ''))).toBe(false);
    const mit = await realm.run('kdestroy', [], { ccache });
    expect(await krb5(['kdestroy'], { ccache })).toEqual(mit);
    expect(await krb5(['kdestroy', '-q'], { ccache })).toEqual({ status: 0, stdout: '', stderr: '' });
    const json = await krb5(['kdestroy', '--json', '-c', ccache]);
    expect(JSON.parse(json.stdout)).toEqual({ cache: ccache, destroyed: false });
  });
});

describe('KRB5_TRACE', () => {
  it('tells what happens in a file of the owner, and no secret', async () => {
    const trace = `${realm.dir}/cli.trace`;
    const ccache = realm.newCcache();
    const env = { KRB5_TRACE: trace };
    await krb5(['kinit', 'alice'], { ccache, env, input: passwordOf('alice') });
    await krb5(['kvno', 'host/localhost'], { ccache, env });
    await krb5(['kinit', '-kt', realm.keytabs.user, '-c', realm.newCcache(), realm.keytabUser], { env });
    const text = readFileSync(trace, 'utf8');
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^\[\d+\] \d+\.\d{6}: \S/);
    expect(text).toContain('Getting initial credentials for alice@EXAMPLE.TEST');
    expect(text).toContain('AS-REQ');
    expect(text).toContain('TGS-REQ');
    expect(statSync(trace).mode & 0o777).toBe(0o600);
    const { credentials } = await readCcacheFile(ccache.replace('FILE:', ''));
    const keys = [
      ...credentials.map(({ sessionKey }) => sessionKey),
      ...(await readKeytabFile(realm.keytabs.user)).map(({ key }) => key),
    ];
    expect(keys.length).toBeGreaterThan(3);
    const secrets = keys.flatMap(({ value }) => ['hex', 'base64'].map((form) => encoded(value, form)));
    for (const secret of [...secrets, realm.users.alice ?? '']) {
      expect(text.toLowerCase()).not.toContain(secret.toLowerCase());
    }
  });

  it('can be standard error, and never stops a command', async () => {
    const ccache = await ourCache('alice');
    const shown = await krb5(['kvno', 'host/localhost'], { ccache, env: { KRB5_TRACE: '/dev/stderr' } });
    expect(shown.stderr).toMatch(/^\[\d+\] \d+\.\d{6}: .*TGS-REQ/m);
    const broken = await krb5(['kvno', 'HTTP/localhost'], { ccache, env: { KRB5_TRACE: '/nonexistent/x' } });
    expect(broken).toEqual({ status: 0, stdout: 'HTTP/localhost@EXAMPLE.TEST: kvno = 1\n', stderr: '' });
  });
});

describe('krb5, used wrongly', () => {
  it.each([
    ['kinit', ['-Z']],
    ['kinit', ['-l', 'foo', 'alice']],
    ['kinit', ['-r0', 'alice']],
    ['kinit', ['-fF']],
    ['kinit', ['-c']],
    ['kinit', ['a', 'b']],
    ['kinit', ['--nosuch']],
    ['klist', ['-Z']],
    ['klist', ['-kf']],
    ['klist', ['a', 'b']],
    ['klist', ['-t']],
    ['kvno', []],
    ['kvno', ['-Z']],
    ['kvno', ['-e', 'nosuch', 'host/localhost']],
    ['kdestroy', ['-Z']],
    ['kdestroy', ['operand']],
    ['klist', ['-n']],
  ])('%s %j ends with the status of MIT', async (command, args) => {
    const mit = await realm.run(command, args, { input: '' });
    const ours = await krb5([command, ...args], { input: '' });
    expect([ours.status, ours.stdout]).toEqual([mit.status, '']);
    expect(ours.stderr).toContain(`Usage: krb5 ${command}`);
  });

  it('tells by its status when nobody reads the output, or nobody can', async () => {
    const ccache = await ourCache('alice');
    const shell = (script: string) =>
      realm.run('bash', ['-c', script, 'bash', process.execPath, MAIN], { ccache });
    expect(await shell('"$1" "$2" klist > /dev/full')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'krb5: cannot write the output (ENOSPC)\n',
    });
    const unread = await shell('exec 3> >(true); wait $!; "$1" "$2" klist >&3; echo $?');
    expect(unread).toEqual({ status: 0, stdout: '141\n', stderr: '' });
  });

  it('has help, a version, and no other commands', async () => {
    expect(await krb5(['--version'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^krb5-client \d/),
    });
    expect(await krb5(['help', 'kinit'])).toEqual(await krb5(['kinit', '--help']));
    expect((await krb5(['--help'])).status).toBe(0);
    expect(await krb5(['nosuch'])).toMatchObject({ status: 2, stdout: '' });
    expect(await krb5([])).toMatchObject({ status: 2, stdout: '' });
  });
});

function secondsBetween(from = '', to = ''): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

async function ticketOf(ccache: string): Promise<Uint8Array | undefined> {
  return (await readCcacheFile(ccache.replace('FILE:', ''))).credentials[0]?.ticket;
}

function encoded(octets: Uint8Array, form: string): string {
  return Buffer.from(octets).toString(form as BufferEncoding);
}

/** A krb5.conf whose KDC is a port where nothing listens. */
function deadKdc(): string {
  const file = `${realm.dir}/cli-dead.conf`;
  writeFileSync(
    file,
    `[libdefaults]
  default_realm = ${realm.realm}
[realms]
  ${realm.realm} = {
    kdc = 127.0.0.1:1
  }
`,
  );
  return file;
}

interface TerminalResult {
  output: string;
  status: number;
  /** Whether the terminal echoed while the password was asked for, and afterwards. */
  echo: boolean;
  echoAfter: boolean;
}

/** Types `typed` behind the prompt of `krb5` at a pseudo-terminal. */
async function atTerminal(args: string[], typed: string): Promise<TerminalResult> {
  const input = JSON.stringify({ argv: [process.execPath, MAIN, ...args], typed });
  const result = await realm.run('python3', ['-c', TERMINAL], { input, ccache: realm.newCcache() });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  return JSON.parse(result.stdout) as TerminalResult;
}

const TERMINAL = `
import json, os, pty, select, subprocess, sys, termios
case = json.load(sys.stdin)
terminal, end = pty.openpty()
echo = lambda: bool(termios.tcgetattr(end)[3] & termios.ECHO)
child = subprocess.Popen(case['argv'], stdin=end, stdout=end, stderr=end, start_new_session=True)
output = b''
while not output.endswith(b': '):
    if not select.select([terminal], [], [], 50)[0]:
        child.kill()
        sys.exit('no prompt: ' + output.decode())
    output += os.read(terminal, 4096)
asking = echo()
os.write(terminal, case['typed'].encode())
status = child.wait(50)
echoes = echo()
os.close(end)  # so that reading ends where the output does, which may come a moment later
try:
    while True:
        output += os.read(terminal, 4096)
except OSError:
    pass
print(json.dumps({'output': output.decode(), 'status': status, 'echo': asking, 'echoAfter': echoes}))
`;
