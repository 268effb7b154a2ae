/** The real servers judged by MIT's own programs: a failure here is the harness's, not the library's. */

import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import {
  decode,
  ENCTYPES,
  isFree,
  loopbackAddresses,
  type MitClient,
  type RunResult,
  startApache,
  startCapture,
  startGssServer,
  startMitRealm,
} from '../../scripts/realServers/index.mjs';
import { servers } from './servers.js';

const { realm, apache, gssServer } = servers();

/** kinit with the password on standard input; `trace` is what KRB5_TRACE told. */
async function kinit(
  client: MitClient,
  user: string,
  ccache: string,
  password?: string,
): Promise<RunResult & { trace: string }> {
  const input = `${password ?? realm.users[user]}\n`;
  const file = `${ccache.replace(/^FILE:/, '')}.trace`;
  const result = await client.run('kinit', ['-c', ccache, user], { input, env: { KRB5_TRACE: file } });
  return { ...result, trace: readFileSync(file, 'utf8') };
}

async function ccacheOf(user: string, client: MitClient = realm): Promise<string> {
  const ccache = realm.newCcache();
  expect(await kinit(client, user, ccache)).toMatchObject({ status: 0 });
  return ccache;
}

function curl(ccache: string, path: string, url: string = apache.url): Promise<RunResult> {
  return realm.run('curl', ['-si', '--negotiate', '-u', ':', `${url}${path}`], { ccache });
}

describe('MIT realm', () => {
  it('gives tickets for every service, in the promised encryption types', async () => {
    const ccache = await ccacheOf('alice');
    expect(await realm.run('kvno', realm.services, { ccache })).toMatchObject({ status: 0 });
    const { stdout } = await realm.run('klist', ['-ef', ccache]);
    for (const { name, kadmin } of ENCTYPES) {
      expect(etypesOf(stdout, `test/${name}`)?.ticket).toBe(kadmin);
      expect(etypesOf(stdout, `sess/${name}`)?.session).toBe(kadmin);
    }
  });

  it('knows every user by the password in the facts', async () => {
    const refused = new Map([
      ['u-expired', 1],
      ['u-pwexpired', 23],
      ['u-locked', 18],
    ]);
    for (const user of Object.keys(realm.users)) {
      const { status, trace } = await kinit(realm, user, realm.newCcache());
      const code = refused.get(user);
      expect([user, status]).toEqual([user, code === undefined ? 0 : 1]);
      if (code !== undefined) expect(trace).toContain(`${-1765328384 + code}/`);
    }
  });

  it('refuses a wrong password and locks the account of its policy after three', async () => {
    await realm.kadmin(['addprinc -pw lock-pw -policy lockout +requires_preauth u-lock-once']);
    for (let attempt = 0; attempt < 3; attempt++) {
      const wrong = await kinit(realm, 'u-lock-once', realm.newCcache(), 'wrong');
      expect(wrong.status).toBe(1);
      expect(wrong.trace).toContain('-1765328360/'); // 24 KDC_ERR_PREAUTH_FAILED
    }
    const locked = await kinit(realm, 'u-lock-once', realm.newCcache(), 'lock-pw');
    expect(locked.trace).toContain('-1765328366/'); // 18 KDC_ERR_CLIENT_REVOKED
  });

  it('answers on every loopback address, by TCP', async () => {
    expect(realm.kdcAddresses).toContain(realm.kdc);
    for (const address of realm.kdcAddresses) {
      const client = tcpClient(address);
      const { status, trace } = await kinit(client, 'alice', realm.newCcache());
      expect([address, status]).toEqual([address, 0]);
      expect(trace).toContain(`stream ${address.replace(/[[\]]/g, '')}`); // MIT prints no brackets
    }
  });

  it('has keytabs for the keytab user and the services', async () => {
    const ccache = realm.newCcache();
    const args = ['-k', '-t', realm.keytabs.user, '-c', ccache, realm.keytabUser];
    expect(await realm.run('kinit', args)).toMatchObject({ status: 0 });
    const { stdout } = await realm.run('klist', ['-k', realm.keytabs.services]);
    for (const service of realm.services) expect(stdout).toContain(`${service}@${realm.realm}`);
  });

  it('changes passwords', async () => {
    const input = `${realm.users['u-kpasswd']}\nnew-password-1\nnew-password-1\n`;
    expect(await realm.run('kpasswd', ['u-kpasswd'], { input })).toMatchObject({ status: 0 });
    expect(await kinit(realm, 'u-kpasswd', realm.newCcache(), 'new-password-1')).toMatchObject({ status: 0 });
    // other test files find the password of the facts again (twice: the policy refuses the last two)
    await realm.kadmin(['cpw -pw between-passwords u-kpasswd', 'cpw -pw between-again u-kpasswd']);
    await realm.kadmin([`cpw -pw ${realm.users['u-kpasswd']} u-kpasswd`]);
    expect(await kinit(realm, 'u-kpasswd', realm.newCcache())).toMatchObject({ status: 0 });
  });

  it('reports an error of kadmin', async () => {
    await expect(realm.kadmin(['getprinc nobody-of-that-name'])).rejects.toThrow(/does not exist/);
  });
});

describe('further KDCs', () => {
  it('with tiny datagrams sends clients to TCP', async () => {
    const kdc = await realm.extraKdc({ maxDgramReplySize: 200 });
    const { status, trace } = await kinit(kdc, 'alice', realm.newCcache());
    await kdc.stop();
    expect(status).toBe(0);
    expect(trace).toContain(`dgram ${kdc.kdc}`);
    expect(trace).toContain(`stream ${kdc.kdc}`);
    expect(await isFree(kdc.kdcPort)).toBe(true);
  });

  it('with SPAKE offers it', async () => {
    const kdc = await realm.extraKdc({ spake: true });
    const { status, trace } = await kinit(kdc, 'alice', realm.newCcache());
    await kdc.stop();
    expect(status).toBe(0);
    expect(trace).toContain('Sending SPAKE response');
  });

  it('with a clock one hour ahead give tickets of that hour', async () => {
    const kdc = await realm.extraKdc({ faketime: '+1h' });
    const ccache = await ccacheOf('alice', kdc);
    await kdc.stop();
    const now = Date.now();
    const { stdout } = await realm.run('klist', [ccache]);
    const [, month, day, year, time] = /(\d\d)\/(\d\d)\/(\d\d) ([\d:]+) {2}/.exec(stdout) ?? [];
    const aheadMs = Date.parse(`20${year}-${month}-${day}T${time}Z`) - now;
    expect(Math.abs(aheadMs - 3_600_000)).toBeLessThan(60_000);
  });

  it('answers a client one hour ahead with KRB_AP_ERR_SKEW', async () => {
    const ccache = realm.newCcache();
    const input = `${realm.users.alice}\n`;
    const conf = `${realm.dir}/no-timesync.conf`;
    const env = { KRB5_TRACE: '/dev/stderr', KRB5_CONFIG: `${conf}:${realm.krb5Conf}` };
    writeFileSync(conf, '[libdefaults]\n kdc_timesync = 0\n');
    const { status, stderr } = await realm.run('kinit', ['-c', ccache, 'alice'], {
      input,
      env,
      faketime: '+1h',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('Clock skew too great');
  });
});

describe('Apache', () => {
  it('refuses without a ticket', async () => {
    const { stdout } = await curl('FILE:/nonexistent', '/krb');
    expect(stdout).toMatch(/^HTTP\/1.1 401/);
    expect(stdout).toMatch(/^WWW-Authenticate: Negotiate\r$/m);
  });

  it('names the user on each page, on every loopback address', async () => {
    const ccache = await ccacheOf('alice');
    const families = loopbackAddresses().map((address) => (address.includes(':') ? '-6' : '-4'));
    const pages = families.flatMap((family) => [['/krb', family] as const, ['/krb-only', family] as const]);
    for (const [path, family] of pages) {
      const args = [family, '-si', '--negotiate', '-u', ':', `${apache.url}${path}`];
      const { stdout } = await realm.run('curl', args, { ccache });
      expect([path, family, stdout]).toEqual([path, family, expect.stringMatching(/^HTTP\/1.1 200/)]);
      expect(stdout).toMatch(/^X-Remote-User: alice@EXAMPLE.TEST\r$/m);
      expect(stdout).toContain('REMOTE_USER=alice@EXAMPLE.TEST\n');
    }
  });

  it('stores delegated credentials', async () => {
    const ccache = await ccacheOf('alice');
    const args = ['-si', '--negotiate', '--delegation', 'always', '-u', ':', `${apache.url}/krb-deleg`];
    const { stdout } = await realm.run('curl', args, { ccache });
    const stored = /KRB5CCNAME=(FILE:\S+)/.exec(stdout)?.[1] ?? 'none';
    expect((await realm.run('klist', [stored])).stdout).toContain('Default principal: alice@EXAMPLE.TEST');
  });

  it('refuses a token the second time', async () => {
    const ccache = await ccacheOf('alice');
    const before = apache.errorLog().length;
    const { stderr } = await realm.run(
      'curl',
      ['-sv', '-o', '/dev/null', '--negotiate', '-u', ':', `${apache.url}/krb`],
      { ccache },
    );
    const token = /^> Authorization: (Negotiate \S+)/m.exec(stderr)?.[1] ?? '';
    expect(token).toMatch(/^Negotiate YI/);
    expect(await statusOf(`${apache.url}/krb`, token)).toBe(401);
    await vi.waitFor(() => expect(apache.errorLog().slice(before)).toContain('Request is a replay'), {
      timeout: 30_000,
    });
  });
});

describe('gss-server', () => {
  it('accepts a context and logs it', async () => {
    const ccache = await ccacheOf('alice');
    const port = String(gssServer.port);
    const { status, stdout } = await realm.run(
      'gss-client',
      ['-port', port, 'localhost', gssServer.service, 'hello harness'],
      { ccache },
    );
    expect([status, stdout]).toEqual([0, expect.stringContaining('Signature verified.')]);
    expect(gssServer.log()).toContain('Accepted connection: "alice@EXAMPLE.TEST"');
    expect(gssServer.log()).toContain('Received message: "hello harness"');
  });

  it('can be another service, with its session key type, and another clock', async () => {
    const ccache = await ccacheOf('alice');
    const service = 'sess@aes256-sha384';
    const honest = await startGssServer(realm, { service });
    const skewed = await startGssServer(realm, { service, faketime: '+1h' });
    const client = (port: number) =>
      realm.run('gss-client', ['-port', String(port), 'localhost', service, 'x'], { ccache });
    const results = [await client(honest.port), await client(skewed.port)];
    await Promise.all([honest.stop(), skewed.stop()]);
    expect(results[0]?.stdout).toContain('Signature verified.');
    expect(`${results[1]?.stdout}${results[1]?.stderr}`).toContain('Clock skew too great');
  });
});

describe('capture', () => {
  it('records the exchange and decrypts it with the keytab', async () => {
    const capture = await startCapture(`${realm.dir}/harness.pcapng`, [realm.kdcPort, apache.port]);
    const ccache = await ccacheOf('alice');
    expect((await curl(ccache, '/krb')).stdout).toMatch(/^HTTP\/1.1 200/);
    const recorded = decode(await capture.stop(), {
      keytab: realm.keytabs.wireshark,
      kdcPorts: [realm.kdcPort],
      httpPorts: [apache.port],
      home: realm.dir,
    });
    const names = ['kerberos.msg_type', 'kerberos.error_code', 'udp.payload'];
    const all = await recorded.fields(names, 'kerberos && udp');
    // Each once: what is answered late is sent again.
    const rows = [...new Map(all.map((row) => [row['udp.payload']?.[0], row])).values()];
    expect(rows.map((row) => row['kerberos.msg_type']?.[0])).toEqual(['10', '30', '10', '11', '12', '13']);
    expect(rows[1]?.['kerberos.error_code']).toEqual(['25']);
    expect(await recorded.text('kerberos')).toMatch(/encTicketPart/);
    expect(await recorded.json('http')).not.toHaveLength(0);
    const expert = await recorded.expert('kerberos');
    expect(expert.map(({ message }) => message).join('\n')).toContain('keytab principal alice@EXAMPLE.TEST');
    expect(expert.filter(({ severity }) => severity === 'warning' || severity === 'error')).toEqual([]);
  });
});

describe('a realm of one test file', () => {
  it('stands beside the shared one, restarts with another clock and leaves nothing', async () => {
    const own = await startMitRealm({ realm: 'OWN.TEST' });
    const web = await startApache(own);
    const ccache = own.newCcache();
    const input = `${own.users.bob}\n`;
    expect(await own.run('kinit', ['-c', ccache, 'bob'], { input })).toMatchObject({ status: 0 });
    const before = await own.run('curl', ['-s', '--negotiate', '-u', ':', `${web.url}/krb`], { ccache });
    expect(before.stdout).toBe('REMOTE_USER=bob@OWN.TEST\n');
    await own.restartKdc({ faketime: '+1h' });
    expect(await own.run('kinit', ['-c', ccache, 'bob'], { input })).toMatchObject({ status: 0 });
    const after = await own.run(
      'curl',
      ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--negotiate', '-u', ':', `${web.url}/krb`],
      { ccache },
    );
    expect(after.stdout).toBe('401'); // Ticket not yet valid
    await Promise.all([web.stop(), own.stop()]);
    for (const port of [own.kdcPort, own.kpasswdPort, web.port]) expect(await isFree(port)).toBe(true);
    expect((await realm.run('ls', [own.dir])).status).not.toBe(0);
  });
});

/** Session key and ticket encryption types of a service in the output of klist -e. */
function etypesOf(klist: string, service: string): { session: string; ticket: string } | undefined {
  const from = klist.indexOf(`${service}@`);
  const found = /Etype \(skey, tkt\): (\S+), (\S+)/.exec(klist.slice(from));
  return from < 0 || !found?.[1] || !found[2] ? undefined : { session: found[1], ticket: found[2] };
}

/** A client whose KDC is that address of the shared realm, reached by TCP. */
function tcpClient(address: string): MitClient {
  const conf = `${realm.dir}/tcp-${address.replace(/\W/g, '_')}.conf`;
  writeFileSync(
    conf,
    `[libdefaults]
  default_realm = ${realm.realm}
  udp_preference_limit = 1
  dns_lookup_kdc = false
[realms]
  ${realm.realm} = {
    kdc = ${address}
  }
`,
  );
  const run: MitClient['run'] = (command, args, options = {}) =>
    realm.run(command, args, { ...options, env: { ...options.env, KRB5_CONFIG: conf } });
  return { ...realm, run };
}

function statusOf(url: string, authorization: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers: { authorization } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.once('error', reject);
    sent.end();
  });
}
