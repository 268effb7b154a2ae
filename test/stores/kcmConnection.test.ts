import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { concat, uint32be } from '../../src/bytes.js';
import { KcmCacheStore, kcmCollection } from '../../src/stores/kcmCaches.js';
import { KcmRefusal, withKcm } from '../../src/stores/kcmConnection.js';
import { fuzzRuns } from '../support/fuzz.js';
import { until } from '../support/until.js';
import { framed, listen } from './scriptedKcm.js';

const withCode = (code: string) => expect.objectContaining({ code });
const tgt = { nameType: 2, components: ['krbtgt', 'R'], realm: 'R' };

describe('a KCM daemon', () => {
  it.each(['/nonexistent/socket', '-', '/etc/passwd'])(
    'that is not at %s: what to do is said',
    async (path) => {
      const caches = kcmCollection({ kcmSocket: path });
      await expect(caches.list()).rejects.toThrow(withCode('ERR_CCACHE_IO'));
      await expect(caches.primary()).rejects.toThrow(/start it .*kcm_socket .*KRB5CCNAME=FILE:/);
    },
  );

  it('that does not answer is waited for no longer than said', async () => {
    let asked = false;
    const kcmSocket = await listen(() => {
      asked = true;
      return undefined;
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    let ended = false;
    const asking = kcmCollection({ kcmSocket, kcmTimeoutMs: 700 }).primary();
    const failed = expect(asking.finally(() => (ended = true))).rejects.toThrow(withCode('ERR_TIMEOUT'));
    await until(() => asked);
    await vi.advanceTimersByTimeAsync(699);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await failed;
  });

  it('that announces too much is not believed, and nothing is reserved for it', async () => {
    const kcmSocket = await listen(() => concat(uint32be(0xffffffff), uint32be(0)));
    await expect(kcmCollection({ kcmSocket }).primary()).rejects.toThrow(withCode('ERR_REPLY_TOO_LARGE'));
  });

  it('may send its reply in pieces, and several replies at once', async () => {
    const whole = framed(0, Uint8Array.of(0x61, 0));
    const kcmSocket = await listen(() => whole);
    const replies = await withKcm({ kcmSocket }, async (kcm) => [
      (await kcm.call('GET_DEFAULT_CACHE')).remaining,
      (await kcm.call('GEN_NEW')).remaining,
    ]);
    expect(replies).toEqual([2, 2]);
  });

  it('may refuse in the frame or in the reply', async () => {
    for (const reply of [framed(-1765328188), concat(uint32be(0), uint32be(-1765328188))]) {
      const kcmSocket = await listen(() => reply);
      const call = withKcm({ kcmSocket }, (kcm) => kcm.call('GEN_NEW'));
      await expect(call).rejects.toThrow(KcmRefusal);
      await expect(kcmCollection({ kcmSocket }).create()).rejects.toThrow(withCode('ERR_CCACHE_IO'));
    }
  });

  it('with any reply gives a value or a typed error', async () => {
    let reply: Uint8Array = new Uint8Array();
    const kcmSocket = await listen(() => framed(0, reply));
    const store = new KcmCacheStore('x', { kcmSocket });
    const caches = kcmCollection({ kcmSocket });
    const uses = [() => store.read(), () => store.find({ server: tgt }), () => caches.list()];
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.nat(uses.length - 1), async (octets, use) => {
        reply = octets;
        const outcome = await uses[use]!().then(
          () => 'value',
          (error: { code?: string }) => error.code,
        );
        expect(outcome).toMatch(/^value$|^ERR_CCACHE_(FORMAT|MISSING|IO)$/);
      }),
      { numRuns: fuzzRuns },
    );
  });
});
