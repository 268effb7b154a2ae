/**
 * Runs all suites, prints a table and writes bench/results/latest.json. Needs `npm run build`; `npm run bench` does it.
 *
 *     node bench/run.mjs [--quick] [--save] [crypto|messages|tokens|login|ccache ...]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { buildPeers } from './build.mjs';
import { ccacheBench } from './ccache.mjs';
import { cryptoBench } from './crypto.mjs';
import { loginBench } from './login.mjs';
import { harness } from './measure.mjs';
import { messagesBench } from './messages.mjs';
import { printRows, printTargets } from './report.mjs';
import { tokensBench } from './tokens.mjs';

const SUITES = {
  crypto: cryptoBench,
  messages: messagesBench,
  tokens: tokensBench,
  login: loginBench,
  ccache: ccacheBench,
};

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, save: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const names = positionals.length === 0 ? Object.keys(SUITES) : positionals;
for (const name of names) {
  if (!(name in SUITES)) {
    console.error(`no suite "${name}"; there are ${Object.keys(SUITES).join(', ')}`);
    process.exit(2);
  }
}
const partial = values.quick || positionals.length > 0;
if (values.save && partial) {
  console.error('--save keeps a whole run: leave out --quick and the names of suites');
  process.exit(2);
}

const peers = await buildPeers();
const rows = [];
for (const name of names) {
  const results = await SUITES[name](harness({ quick: values.quick }), peers);
  printRows(name, results);
  rows.push(...results);
}
printTargets(rows);
save('latest');
if (values.save) save('baseline');

function save(name) {
  const folder = new URL('results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, ${process.platform} ${process.arch}`;
  const result = { machine, node: process.version, quick: values.quick, rows: rows.map(rounded) };
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(result, undefined, 2)}\n`);
}

/** Four significant digits. */
function rounded(row) {
  const short = (value) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, short(value)]));
}
