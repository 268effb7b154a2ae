/** Work shared by callers that come and go at any moment. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SingleFlight } from '../../src/client/singleFlight.js';
import { fuzzRuns } from '../support/fuzz.js';

/** One piece of work that the test ends. */
interface Work {
  readonly signal: AbortSignal;
  readonly callers: Set<number>;
  succeed(value: number): void;
  fail(error: Error): void;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('single flight', () => {
  it('goes on as long as somebody waits, whatever callers do', async () => {
    const step = fc.record({
      what: fc.constantFrom('call', 'callWithSignal', 'callWithSignal', 'abort', 'succeed', 'fail'),
      whom: fc.nat(7),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const flights = new SingleFlight<number>();
        const works: Work[] = [];
        const callers: { controller: AbortController; outcome?: unknown }[] = [];
        let open: Work | undefined;
        for (const { what, whom } of steps) {
          if (what.startsWith('call')) {
            const me = { controller: new AbortController() } as (typeof callers)[number];
            const signal = what === 'call' ? undefined : me.controller.signal;
            const before = works.length;
            flights
              .run('the work', signal, (shared) => {
                const { promise, resolve, reject } = withResolvers();
                works.push({ signal: shared, callers: new Set(), succeed: resolve, fail: reject });
                return promise;
              })
              .then(
                (value) => (me.outcome = value),
                (error) => (me.outcome = error.code ?? error.message),
              );
            expect(works.length).toBe(open === undefined ? before + 1 : before);
            open = works[works.length - 1]!;
            open.callers.add(callers.push(me) - 1);
          } else if (what === 'abort') {
            const one = callers[whom % Math.max(callers.length, 1)];
            one?.controller.abort();
          } else if (open !== undefined) {
            if (what === 'succeed') open.succeed(works.length);
            else open.fail(new Error(`work ${works.length}`));
            const expected = what === 'succeed' ? works.length : `work ${works.length}`;
            await turn();
            for (const index of open.callers) {
              const { outcome } = callers[index]!;
              expect([expected, 'ERR_ABORTED']).toContain(outcome);
            }
            open = undefined;
          }
          await turn();
          if (open?.signal.aborted) {
            for (const index of open.callers) expect(callers[index]!.outcome).toBe('ERR_ABORTED');
            open = undefined;
          } else if (open !== undefined) {
            const waiting = [...open.callers].filter((index) => callers[index]!.outcome === undefined);
            expect(waiting.length).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('keeps purposes apart', async () => {
    const flights = new SingleFlight<string>();
    const both = ['a', 'b'].map((purpose) => flights.run(purpose, undefined, async () => purpose));
    expect(await Promise.all(both)).toEqual(['a', 'b']);
  });

  it('remembers neither result nor error', async () => {
    const flights = new SingleFlight<number>();
    await expect(flights.run('x', undefined, () => Promise.reject(new Error('1')))).rejects.toThrow('1');
    expect(await flights.run('x', undefined, async () => 2)).toBe(2);
    expect(await flights.run('x', undefined, async () => 3)).toBe(3);
  });
});

function withResolvers() {
  let resolve!: (value: number) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<number>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
