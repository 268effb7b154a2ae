/**
 * Credential caches of ten and of ten thousand tickets: the first read, compared with MIT's klist where that is
 * installed, and the lookup of one ticket afterwards.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Key } from '../dist/crypto/key.js';
import { parsePrincipal } from '../dist/formats/principal.js';
import { FileCacheStore } from '../dist/stores/fileCacheStore.js';
import { median } from './measure.mjs';

const SIZES = [10, 10_000];
const CLIENT = parsePrincipal('alice@EXAMPLE.TEST');
const NOW = Math.floor(Date.now() / 1000);
const KLIST_RUNS = 5;
/** A file must have been left alone this long before its time stamp tells that it has not changed. */
const SETTLED_MS = 100;

/** Rows of the suite. */
export async function ccacheBench({ time }) {
  const folder = mkdtempSync(join(tmpdir(), 'krb5-bench-'));
  const rows = [];
  try {
    for (const tickets of SIZES) rows.push(...(await rowsOf(time, join(folder, String(tickets)), tickets)));
  } finally {
    rmSync(folder, { recursive: true });
  }
  const [small, large] = rows.filter(({ name }) => name === 'lookup');
  return rows.map((row) => (row === large ? { ...row, ratioToTen: row.medianUs / small.medianUs } : row));
}

async function rowsOf(time, path, tickets) {
  await new FileCacheStore(path).initialize(CLIENT, { credentials: Array.from({ length: tickets }, ticket) });
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
  const base = { suite: 'ccache', message: `${tickets} tickets` };
  const store = new FileCacheStore(path);
  const wanted = { server: service(tickets - 1), client: CLIENT, validAt: NOW };
  const find = async () => {
    if ((await store.find(wanted)) === undefined) throw new Error('the ticket is not there');
  };
  const klistUs = klist(path);
  return [
    { ...base, name: 'first read', ...(await time(() => new FileCacheStore(path).find(wanted))), klistUs },
    { ...base, name: 'lookup', ...(await time(find)) },
  ];
}

const service = (i) => parsePrincipal(`HTTP/host${i}.example.test@EXAMPLE.TEST`);

function ticket(_, i) {
  return {
    client: CLIENT,
    server: service(i),
    sessionKey: new Key(18, new Uint8Array(32).fill(i)),
    ...{
      authTime: NOW,
      startTime: NOW,
      endTime: NOW + 36_000,
      renewTill: 0,
      isSkey: false,
      flags: 0x40e10000,
    },
    ...{ addresses: [], authData: [], ticket: new Uint8Array(700).fill(i), secondTicket: new Uint8Array() },
  };
}

/** Median microseconds of MIT's klist with all tickets, its start included; undefined where there is none. */
function klist(path) {
  const times = [];
  for (let run = 0; run < KLIST_RUNS; run++) {
    const start = performance.now();
    try {
      execFileSync('klist', ['-c', path], { stdio: 'ignore' });
    } catch {
      return undefined;
    }
    times.push((performance.now() - start) * 1000);
  }
  return median(times);
}
