/** The clock of this machine as authenticators need it. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemEnvironment } from '../../src/client/system.js';
import { kerberosTime } from '../../src/exchange/environment.js';

const microseconds = (ms: number): number => {
  const time = kerberosTime(ms);
  return time.seconds * 1_000_000 + time.microseconds;
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the clock', () => {
  it('never gives a microsecond twice, in whatever environment of the process', () => {
    const environments = [systemEnvironment(), systemEnvironment()];
    const times = Array.from({ length: 20_000 }, (_, i) => microseconds(environments[i % 2]!.nowMs()));
    expect(new Set(times).size).toBe(times.length);
    expect(Math.abs(times.at(-1)! / 1000 - Date.now())).toBeLessThan(1000);
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
