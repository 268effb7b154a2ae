import { describe, expect, it } from 'vitest';
import { fromHex, uint32be, utf8 } from '../../src/bytes.js';
import { iterationCount, MAX_ITERATIONS } from '../../src/crypto/iterationCount.js';
import { noblePrimitives } from '../../src/crypto/noble.js';
import { stringToKey } from '../../src/crypto/stringToKey.js';

const BAD = expect.objectContaining({ code: 'ERR_S2K_PARAMS' });
const password = utf8('password');
const salt = utf8('EXAMPLE.COMalice');

describe('the iteration count', () => {
  it('is the default without parameters, even under a lower limit', () => {
    expect(iterationCount(undefined, 4096)).toBe(4096);
    expect(iterationCount(undefined, 4096, { maxIterations: 1 })).toBe(4096);
  });

  it('is big-endian, whatever memory the parameters view', () => {
    const memory = fromHex('ff00001001ff');
    expect(iterationCount(memory.subarray(1, 5), 4096)).toBe(4097);
  });

  it.each([0, 1, 3, 5, 8])('cannot be in %i octets', (length) => {
    expect(() => iterationCount(new Uint8Array(length), 4096)).toThrow(BAD);
  });

  it('is bounded below by the default', () => {
    expect(iterationCount(uint32be(4096), 4096)).toBe(4096);
    expect(() => iterationCount(uint32be(4095), 4096)).toThrow(BAD);
    expect(() => iterationCount(uint32be(32_767), 32_768)).toThrow(BAD);
    expect(iterationCount(uint32be(1), 4096, { allowWeakIterations: true })).toBe(1);
  });

  it('is bounded above', () => {
    expect(iterationCount(uint32be(MAX_ITERATIONS), 4096)).toBe(MAX_ITERATIONS);
    expect(() => iterationCount(uint32be(MAX_ITERATIONS + 1), 4096)).toThrow(BAD);
    expect(iterationCount(uint32be(2 ** 24), 4096, { maxIterations: 2 ** 24 })).toBe(2 ** 24);
  });

  it('refuses a limit that would limit nothing', () => {
    for (const maxIterations of [Number.NaN, 0, -1]) {
      expect(() => iterationCount(uint32be(4096), 4096, { maxIterations })).toThrow(RangeError);
    }
  });

  it('is 2^32 for zero, which no limit admits', () => {
    for (const policy of [{}, { allowWeakIterations: true }, { maxIterations: 2 ** 40 }]) {
      expect(() => iterationCount(uint32be(0), 4096, policy)).toThrow(BAD);
    }
  });
});

describe('stringToKey', () => {
  it('refuses bad parameters before any work', async () => {
    await expect(stringToKey(18, password, salt, uint32be(0xffffffff))).rejects.toThrow(BAD);
    await expect(stringToKey(20, password, salt, uint32be(4096))).rejects.toThrow(BAD);
    await expect(stringToKey(18, password, salt, utf8('x'))).rejects.toThrow(BAD);
  });

  it('refuses types it does not know', async () => {
    await expect(stringToKey(24, password, salt)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_ETYPE_UNSUPPORTED' }),
    );
  });

  it('depends on type, password, salt and count, and on no provider', async () => {
    const key = await stringToKey(18, password, salt);
    expect(key.etype).toBe(18);
    const same = await stringToKey(18, password, salt, uint32be(4096), { primitives: noblePrimitives });
    expect(same.equals(key)).toBe(true);
    const others = [
      await stringToKey(18, utf8('password '), salt),
      await stringToKey(18, password, utf8('EXAMPLE.COMbob')),
      await stringToKey(18, password, salt, uint32be(4097)),
      await stringToKey(17, password, salt),
    ];
    for (const other of others) expect(other.equals(key)).toBe(false);
  });
});
