/** Our program with its clock an hour off (libfaketime), against MIT's KDC with the right time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type RunResult, temporaryFolder } from '../../scripts/realServers/index.mjs';
import { servers } from './servers.js';

const { realm } = servers();
const KRB5 = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

function kinit(faketime: string, user: string, env: Record<string, string> = {}): Promise<RunResult> {
  return realm.run(process.execPath, [KRB5, 'kinit', user], {
    ccache: realm.newCcache(),
    input: `${realm.users[user]}\n`,
    faketime,
    env,
  });
}

/** A krb5.conf that corrects the clock, read before the realm's. */
function timesyncConf(): string {
  const file = join(temporaryFolder('krb5-client-skew-'), 'krb5.conf');
  writeFileSync(file, '[libdefaults]\nkdc_timesync = 1\n');
  return `${file}:${realm.krb5Conf}`;
}

describe('a clock that is an hour off', () => {
  it.each([
    ['+1h', 'alice', 'ahead'],
    ['-1h', 'alice', 'behind'],
    ['+1h', 'u-nopreauth', 'ahead'],
    ['-1h', 'u-nopreauth', 'behind'],
  ])('(%s, %s) is measured and reported', async (faketime, user) => {
    const { status, stderr } = await kinit(faketime, user);
    expect(status).toBe(1);
    const seconds = Number(/(\d{4}) s\b/.exec(stderr)?.[1]);
    expect(seconds).toBeGreaterThan(3590);
    expect(seconds).toBeLessThan(3610);
    expect(stderr).toMatch(/clock/i);
  });

  it.each(['alice', 'u-nopreauth'])('does not matter to %s with kdc_timesync', async (user) => {
    const ccache = realm.newCcache();
    const env = { KRB5_CONFIG: timesyncConf() };
    const input = `${realm.users[user]}\n`;
    const options = { ccache, faketime: '+1h', env };
    expect(await realm.run(process.execPath, [KRB5, 'kinit', user], { ...options, input })).toMatchObject({
      status: 0,
    });
    const kvno = [KRB5, 'kvno', 'HTTP/localhost'];
    expect(await realm.run(process.execPath, kvno, options)).toMatchObject({ status: 0 });
    expect(await realm.run('kvno', ['host/localhost'], { ccache, faketime: '+1h' })).toMatchObject({
      status: 0,
    });
  });
});
