/**
 * Stores tickets in a cache from a process of its own (built library): the tickets of the arguments, one after the other.
 *
 *     node storeTickets.mjs [--report] PATH SERVICE...    --report: a line after each one
 *     node storeTickets.mjs --initialize PATH             writes the whole cache again and again, for a minute
 */

import { parsePrincipal } from '../../dist/formats/principal.js';
import { readCcacheFile, storeCredential, writeCcacheFile } from '../../dist/stores/fileCcache.js';

const [option, ...rest] = process.argv[2]?.startsWith('--')
  ? process.argv.slice(2)
  : ['', ...process.argv.slice(2)];
const [path = '', ...services] = rest;
const cache = await readCcacheFile(path);
const [tgt] = cache.credentials;
process.stdout.write('ready\n');
if (tgt === undefined) throw new Error('the cache has no ticket');
if (option === '--initialize') {
  const end = Date.now() + 60_000;
  while (Date.now() < end) await writeCcacheFile(path, { ...cache, credentials: Array(50).fill(tgt) });
}
for (const service of services) {
  await storeCredential(path, {
    ...tgt,
    server: parsePrincipal(service, { defaultRealm: tgt.client.realm }),
  });
  if (option === '--report') process.stdout.write(`${service}\n`);
}
