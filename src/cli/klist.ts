/** `krb5 klist`: lists the tickets of a credential cache or the keys of a keytab (MIT krb5, klist(1)). */
import { utf8Text } from '../bytes.js';
import { systemClientKeytabName, systemKeytabName } from '../client/system.js';
import type { ConfigEntry, CredentialCache } from '../formats/ccache.js';
import type { Credential } from '../formats/credential.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { formatPrincipal, krbtgtPrincipal, samePrincipal } from '../formats/principal.js';
import { type CacheCollection, type CredentialCacheStore, isMissing } from '../stores/cacheStore.js';
import { openCollection } from './caches.js';
import { startSession } from './command.js';
import { TIME_WIDTH, ticketJson, ticketLines } from './credentialText.js';
import { during, Failure, writeFailure } from './failure.js';
import { RESOLVING } from './fileSentences.js';
import { type Io, printable, writeJson, writeLine } from './io.js';
import { writeKeytab } from './keytabText.js';
import { type Arguments, type CommandSpec, UsageError } from './options.js';
import { writeVersion } from './version.js';

export const spec: CommandSpec = {
  name: 'klist',
  summary: 'list the tickets of a cache or the keys of a keytab',
  operands: '[name]',
  operandCount: { least: 0, most: 1 },
  options: [
    { letter: 'c', text: 'the name is that of a credential cache; the default' },
    { letter: 'e', text: 'show encryption types' },
    { letter: 'f', text: 'show the letters of the flags' },
    { letter: 's', text: 'print nothing; the exit status tells whether there is a valid ticket' },
    { letter: 'a', text: 'show addresses' },
    { letter: 'n', text: 'show addresses as numbers, as is done in any case (with -a)' },
    { letter: 'C', text: 'show configuration entries of the cache' },
    { letter: 'd', text: 'show types of authorization data' },
    { letter: 'l', text: 'list the caches of the collection, a line each' },
    { letter: 'A', text: 'show all caches of the collection' },
    { letter: 'k', text: 'list a keytab' },
    { letter: 'i', text: 'list the client keytab unless a name is given (with -k)' },
    { letter: 't', text: 'show when the keys were written (with -k)' },
    { letter: 'K', text: 'refused: keys are never printed' },
    { letter: 'V', text: 'print the version' },
  ],
  caches: true,
  exclusive: [
    ['c', 'k'],
    ['k', 'f'],
    ['k', 's'],
    ['k', 'a'],
    ['k', 'l'],
    ['k', 'A'],
    ['l', 'A'],
    ['s', 'l'],
  ],
  unsupported: 'I',
  ignored: '5',
  usageStatus: 1,
  exitStatuses: [
    [0, 'listed; with -s: the ticket-granting ticket is valid'],
    [1, 'not listed, or there is no cache; with -s: no valid ticket; or wrong usage'],
  ],
  environment: ['KRB5CCNAME', 'KRB5_CONFIG', 'KRB5_KTNAME', 'KRB5_CLIENT_KTNAME'],
  examples: ['krb5 klist -ef', 'krb5 klist -ket /etc/krb5.keytab', 'krb5 klist -s || krb5 kinit alice'],
};

export async function run(args: Arguments, io: Io): Promise<number> {
  if (args.has('V')) {
    writeVersion(args.has('json'), io);
    return 0;
  }
  checkCombination(args);
  if (args.has('s')) return (await hasValidTicket(args, io)) ? 0 : 1;
  const { config } = await startSession(io, 'krb5');
  if (args.has('k')) {
    await listKeytab(args, io, config);
    return 0;
  }
  const collection = await openCollection(args, config, io, args.operands[0]);
  if (args.has('l')) return listCollection(collection, args, io);
  if (args.has('A')) return showCollection(collection, args, io);
  const cache = await readCache(
    await during({ activity: RESOLVING, opening: true }, () => collection.primary()),
  );
  if (args.has('json')) writeJson(io.stdout, cacheJson(cache, args));
  else for (const line of cacheLines(cache, args)) writeLine(io.stdout, line);
  return 0;
}

function checkCombination(args: Arguments): void {
  if (args.has('K')) throw new UsageError('option -K is refused: keys are never printed');
  if (args.has('t') && !args.has('k')) throw new UsageError('option -t needs -k');
  if (args.has('n') && !args.has('a')) throw new UsageError('option -n needs -a');
}

/** A cache and what it holds. */
interface NamedCache {
  readonly name: string;
  readonly cache: CredentialCache;
}

async function readCache(store: CredentialCacheStore): Promise<NamedCache> {
  const cache = await during({ activity: '' }, () => store.read());
  return { name: store.name, cache };
}

/** Whether a login holds, with -A in any cache: silent, whatever the reason why not. */
async function hasValidTicket(args: Arguments, io: Io): Promise<boolean> {
  try {
    const { config } = await startSession(io);
    const collection = await openCollection(args, config, io, args.operands[0]);
    const stores = args.has('A') ? await collection.list() : [await collection.primary()];
    const caches = await readable(stores);
    return caches.some(({ cache }) => isCurrent(cache, Date.now() / 1000));
  } catch {
    return false;
  }
}

/** As MIT: the ticket-granting ticket is valid; if the cache has none, any other ticket. */
function isCurrent({ defaultPrincipal, credentials }: CredentialCache, now: number): boolean {
  const tgs = krbtgtPrincipal(defaultPrincipal.realm);
  const tgts = credentials.filter((credential) => samePrincipal(credential.server, tgs));
  return (tgts.length > 0 ? tgts : credentials).some(({ endTime }) => endTime > now);
}

/** The caches that can be read: one that is damaged does not hide the others. */
async function readable(
  stores: readonly CredentialCacheStore[],
  tell: (error: unknown) => void = () => undefined,
): Promise<NamedCache[]> {
  const caches: NamedCache[] = [];
  for (const store of stores) {
    try {
      caches.push(await readCache(store));
    } catch (error) {
      tell(error);
    }
  }
  return caches;
}

async function cachesOf(collection: CacheCollection, tell?: (error: unknown) => void): Promise<NamedCache[]> {
  const situation = { activity: 'while listing ccache collection', opening: true };
  const stores = await during(situation, () => collection.list());
  return readable(stores, tell);
}

/** -l: a line for each cache; the status tells whether there is any. */
async function listCollection(collection: CacheCollection, args: Arguments, io: Io): Promise<number> {
  const caches = await cachesOf(collection);
  const now = Date.now() / 1000;
  const rows = caches.map(({ name, cache }) => {
    return {
      cache: name,
      principal: formatPrincipal(cache.defaultPrincipal),
      expired: !isCurrent(cache, now),
    };
  });
  if (args.has('json')) writeJson(io.stdout, rows);
  else for (const line of summaryLines(rows)) writeLine(io.stdout, line);
  return caches.length > 0 ? 0 : 1;
}

/** Characters of the column of principals. */
const NAME_WIDTH = 30;

function summaryLines(rows: readonly { cache: string; principal: string; expired: boolean }[]): string[] {
  const line = (principal: string, cache: string): string =>
    `${printable(principal).slice(0, NAME_WIDTH).padEnd(NAME_WIDTH)} ${printable(cache)}`;
  return [
    line('Principal name', 'Cache name'),
    line('--------------', '----------'),
    ...rows.map(({ principal, cache, expired }) => `${line(principal, cache)}${expired ? ' (Expired)' : ''}`),
  ];
}

/** -A: all caches one after the other; the status tells whether there is any. */
async function showCollection(collection: CacheCollection, args: Arguments, io: Io): Promise<number> {
  const caches = await cachesOf(collection, (error) => {
    const missing = error instanceof Failure && isMissing(error.cause);
    if (!missing) writeFailure(error, spec.name, args.has('json'), io);
  });
  if (args.has('json'))
    writeJson(
      io.stdout,
      caches.map((cache) => cacheJson(cache, args)),
    );
  else {
    const blocks = caches.map((cache) => cacheLines(cache, args).join('\n'));
    if (blocks.length > 0) writeLine(io.stdout, blocks.join('\n\n'));
  }
  return caches.length > 0 ? 0 : 1;
}

function cacheLines({ name, cache }: NamedCache, args: Arguments): string[] {
  const show = {
    flags: args.has('f'),
    etypes: args.has('e'),
    addresses: args.has('a'),
    authData: args.has('d'),
  };
  const config = (position: number): string[] =>
    args.has('C')
      ? cache.config
          .filter((entry) => entry.position === position)
          .flatMap((entry) => configLines(entry, args.has('d')))
      : [];
  const rows = cache.credentials.flatMap((credential: Credential, i) => [
    ...config(i),
    ...ticketLines(credential, cache.defaultPrincipal, show),
  ]);
  return [
    `Ticket cache: ${printable(name)}`,
    `Default principal: ${printable(formatPrincipal(cache.defaultPrincipal))}`,
    '',
    `${'Valid starting'.padEnd(TIME_WIDTH)}  ${'Expires'.padEnd(TIME_WIDTH)}  Service principal`,
    ...rows,
    ...config(cache.credentials.length),
  ];
}

/** Columns of a note; longer ones go on in the next line. */
const CONFIG_WIDTH = 72;
const CONFIG_INDENT = 8;

function configLines({ key, principal, value }: ConfigEntry, authData: boolean): string[] {
  const about = principal === undefined ? '' : `(${principal})`;
  let line = printable(`config: ${key}${about} = `);
  const lines: string[] = [];
  for (const octet of value) {
    line = line.padEnd(CONFIG_INDENT);
    line +=
      octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : `\\${octet.toString(8).padStart(3, '0')}`;
    if (line.length <= CONFIG_WIDTH) continue;
    lines.push(line);
    line = '';
  }
  return [...lines, ...(line === '' ? [] : [line]), ...(authData ? ['\tAD types: '] : [])];
}

function cacheJson({ name, cache }: NamedCache, args: Arguments): unknown {
  const config = cache.config.map(({ key, principal, value }) => ({
    key,
    principal: principal ?? null,
    value: utf8Text(value),
  }));
  return {
    cache: name,
    principal: formatPrincipal(cache.defaultPrincipal),
    credentials: cache.credentials.map(ticketJson),
    ...(args.has('C') ? { config } : {}),
  };
}

async function listKeytab(args: Arguments, io: Io, config: Krb5Config): Promise<void> {
  const defaultName = args.has('i') ? systemClientKeytabName : systemKeytabName;
  await writeKeytab(args.operands[0] ?? defaultName(config, io.env), args, io);
}
