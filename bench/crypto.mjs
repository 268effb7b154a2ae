/**
 * Crypto: string-to-key, seal and unseal for every encryption type on both providers, against the same work written
 * directly on node:crypto. Each measurement is a series of pairs, ours and raw in turn in the same run, and the ratio is
 * the median of the pairs' ratios. Needs `npm run build`; `node bench/crypto.mjs [folder of the build]` prints the rows.
 */
import { createCipheriv, createDecipheriv, createHmac, pbkdf2 } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const SIZES = [100, 1024, 16_384, 1_048_576];
const RAW_HASH = { 17: 'sha1', 18: 'sha1', 19: 'sha256', 20: 'sha384' };
const BATCH_MS = 3;
const BUDGET_MS = 250;
const ZERO_IV = new Uint8Array(16);
const rawPbkdf2 = promisify(pbkdf2);

/**
 * @param build URL of the folder with the built library
 * @returns rows {name, etype, provider, bytes, medianUs, ratioToNodeRaw}
 */
export async function cryptoBench(build = new URL('../dist/', import.meta.url)) {
  const library = await load(build);
  const rows = [];
  for (const etype of library.SUPPORTED_ETYPES) {
    for (const primitives of library.providers) {
      const base = { etype, provider: primitives.name };
      rows.push({
        name: 'string-to-key',
        ...base,
        bytes: 0,
        ...(await stringToKeyPairs(library, base, primitives)),
      });
      for (const bytes of SIZES) {
        const [seal, unseal] = sealPairs(library, etype, primitives, bytes);
        rows.push({ name: 'seal', ...base, bytes, ...seal }, { name: 'unseal', ...base, bytes, ...unseal });
      }
    }
  }
  return rows;
}

async function load(build) {
  const from = (file) => import(new URL(`crypto/${file}.js`, build).href);
  const { SUPPORTED_ETYPES, encryptionType } = await from('etypes');
  const { Key } = await from('key');
  const { stringToKey } = await from('stringToKey');
  const providers = [(await from('nodeCrypto')).nodePrimitives(), (await from('noble')).noblePrimitives];
  return { SUPPORTED_ETYPES, encryptionType, Key, stringToKey, providers };
}

function sealPairs({ Key, encryptionType }, etype, primitives, bytes) {
  const { keyLength } = encryptionType(etype);
  const key = new Key(etype, new Uint8Array(keyLength).fill(7), primitives);
  const confounder = new Uint8Array(16).fill(9);
  const plaintext = new Uint8Array(bytes).fill(3);
  const sealed = key.encrypt(2, plaintext, confounder);
  const raw = rawPair(etype, keyLength, Math.ceil((bytes + 16) / 16) * 16);
  return [
    pairs(() => key.encrypt(2, plaintext, confounder), raw.seal),
    pairs(() => key.decrypt(2, sealed), raw.unseal),
  ];
}

/** AES-CBC and HMAC of the same length, nothing else: no copy, no ciphertext stealing, no comparison. */
function rawPair(etype, keyLength, length) {
  const cipher = `aes-${keyLength * 8}-cbc`;
  const key = new Uint8Array(keyLength).fill(7);
  const data = new Uint8Array(length).fill(3);
  const mac = (octets) => createHmac(RAW_HASH[etype], key).update(octets).digest();
  const run = (state) => {
    state.setAutoPadding(false);
    const result = state.update(data);
    state.final();
    return result;
  };
  return {
    seal: () => mac(run(createCipheriv(cipher, key, ZERO_IV))),
    unseal: () => mac(run(createDecipheriv(cipher, key, ZERO_IV))),
  };
}

/** Medians of batches of both functions run in turn. */
function pairs(ours, raw) {
  const [oursBatch, rawBatch] = [batchSize(ours), batchSize(raw)];
  const [times, ratios] = [[], []];
  const end = performance.now() + BUDGET_MS;
  while (performance.now() < end || times.length < 5) {
    const a = batchUs(ours, oursBatch);
    const b = batchUs(raw, rawBatch);
    times.push(a);
    ratios.push(a / b);
  }
  return { medianUs: median(times), ratioToNodeRaw: median(ratios) };
}

/** How many calls take BATCH_MS once warm. */
function batchSize(work) {
  let calls = 1;
  while (batchUs(work, calls) * calls < BATCH_MS * 1000) calls *= 2;
  return calls;
}

function batchUs(work, calls) {
  const start = performance.now();
  for (let i = 0; i < calls; i++) work();
  return ((performance.now() - start) * 1000) / calls;
}

async function stringToKeyPairs({ stringToKey, encryptionType }, { etype }, primitives) {
  const [password, salt] = [
    new TextEncoder().encode('password'),
    new TextEncoder().encode('EXAMPLE.COMalice'),
  ];
  const { defaultIterations, keyLength } = encryptionType(etype);
  const [times, ratios] = [[], []];
  const end = performance.now() + BUDGET_MS;
  while (performance.now() < end || times.length < 5) {
    const a = await onceUs(() => stringToKey(etype, password, salt, undefined, { primitives }));
    const b = await onceUs(() => rawPbkdf2(password, salt, defaultIterations, keyLength, RAW_HASH[etype]));
    times.push(a);
    ratios.push(a / b);
  }
  return { medianUs: median(times), ratioToNodeRaw: median(ratios) };
}

async function onceUs(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) * 1000;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = process.argv[2];
  const rows = await cryptoBench(folder === undefined ? undefined : pathToFileURL(`${folder}/`));
  for (const row of rows) {
    const { name, etype, provider, bytes, medianUs, ratioToNodeRaw } = row;
    console.log(
      [name.padEnd(13), etype, provider.padEnd(5), String(bytes).padStart(7)].join(' '),
      `${medianUs.toFixed(2).padStart(10)} us  ${ratioToNodeRaw.toFixed(2)} x raw node`,
    );
  }
}
