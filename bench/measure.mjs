/**
 * The harness of all suites: mitata times, this file adds the comparison of two functions. Compared functions run in
 * turn, round by round, so that other load on the machine meets both; the ratio is the median of the rounds' ratios.
 */
import { measure } from 'mitata';

const FULL = { rounds: 7, roundMs: 20, warmMs: 200 };
const QUICK = { rounds: 3, roundMs: 2, warmMs: 4 };
/** Functions that are too short to be timed by themselves are timed this many calls at a time. */
const BATCH_CALLS = 64;

/** @param options.quick shorter rounds: figures are rough, but every suite runs */
export function harness({ quick = false } = {}) {
  const { rounds, roundMs, warmMs } = quick ? QUICK : FULL;
  return {
    /** Microseconds of one call of `work`, which may be asynchronous. */
    async time(work) {
      await warm(work, warmMs);
      return { medianUs: await callUs(work, rounds * roundMs) };
    },
    /** Microseconds of one call of `ours`, and by how much it takes longer than `raw`. */
    async compare(ours, raw) {
      const times = [];
      const ratios = [];
      await warm(ours, warmMs);
      await warm(raw, warmMs);
      for (let round = 0; round < rounds; round++) {
        const us = await callUs(ours, roundMs);
        times.push(us);
        ratios.push(us / (await callUs(raw, roundMs)));
      }
      return { medianUs: median(times), ratioToNodeRaw: median(ratios) };
    },
  };
}

/** Lets the compiler see `work`. Without it mitata takes a slow first call for a slow function. */
async function warm(work, warmMs) {
  const end = performance.now() + warmMs;
  do await work();
  while (performance.now() < end);
}

async function callUs(work, budgetMs) {
  const { p50 } = await measure(work, {
    batch_samples: BATCH_CALLS,
    min_cpu_time: budgetMs * 1e6,
    min_samples: 1,
    gc: false,
  });
  return p50 / 1000;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
