/** The clock of this machine as authenticators need it. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemCcacheName, systemEnvironment } from '../../src/client/system.js';
import { kerberosTime } from '../../src/exchange/environment.js';
import { defaultKrb5Config } from '../../src/formats/krb5Config.js';

const microseconds = (ms: number): number => {
  const time = kerberosTime(ms);
  return time.seconds * 1_000_000 + time.microseconds;
};

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe('the clock', () => {
  it('never gives a microsecond twice, in whatever environment of the process', () => {
    const environments = [systemEnvironment(), systemEnvironment()];
    const before = Date.now();
    const times = Array.from({ length: 20_000 }, (_, i) => microseconds(environments[i % 2]!.nowMs()));
    expect(new Set(times).size).toBe(times.length);
    expect(times.at(-1)! / 1000).toBeGreaterThan(before - 1000);
    expect(times.at(-1)! / 1000).toBeLessThan(Date.now() + 1000);
  });

  it('follows the clock of the machine when that is set back', () => {
    const environment = systemEnvironment();
    const real = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(real + 3_600_000);
    expect(environment.nowMs()).toBeGreaterThan(real + 3_599_000);
    vi.spyOn(Date, 'now').mockReturnValue(real);
    expect(environment.nowMs()).toBeLessThan(real + 1000);
  });
});

describe('the environment', () => {
  it('names the cache, but not for a program with more rights than its user', () => {
    vi.stubEnv('KRB5CCNAME', 'FILE:/chosen');
    expect(systemCcacheName(defaultKrb5Config())).toBe('FILE:/chosen');
    vi.spyOn(process, 'geteuid').mockReturnValue(process.getuid!() + 1);
    expect(systemCcacheName(defaultKrb5Config())).toBe(`FILE:/tmp/krb5cc_${process.getuid!()}`);
  });
});
