/** `krb5 klist`: lists the tickets of a credential cache or the keys of a keytab (MIT krb5, klist(1)). */
import { utf8Text } from '../bytes.js';
import { systemKeytabName } from '../client/system.js';
import type { ConfigEntry, CredentialCache } from '../formats/ccache.js';
import { keytabPath } from '../formats/ccacheName.js';
import type { Credential } from '../formats/credential.js';
import type { KeytabEntry } from '../formats/keytab.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { formatPrincipal, krbtgtPrincipal, samePrincipal } from '../formats/principal.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import { readCcacheFile } from '../stores/fileCcache.js';
import { readKeytabFile } from '../stores/fileKeytab.js';
import { locateCache, startSession } from './command.js';
import { etypeText, formatTime, isoTime, TIME_WIDTH, ticketJson, ticketLines } from './credentialText.js';
import { during } from './failure.js';
import { type Io, printable, writeJson, writeLine } from './io.js';
import { type Arguments, type CommandSpec, UsageError } from './options.js';
import { packageVersion } from './version.js';

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
    { letter: 'l', text: 'show the cache in one line' },
    { letter: 'A', text: 'show all caches of the collection, which is one for a FILE cache' },
    { letter: 'k', text: 'list a keytab' },
    { letter: 't', text: 'show when the keys were written (with -k)' },
    { letter: 'K', text: 'refused: keys are never printed' },
    { letter: 'V', text: 'print the version' },
  ],
  exclusive: [
    ['c', 'k'],
    ['k', 'f'],
    ['k', 's'],
    ['k', 'a'],
    ['k', 'l'],
    ['k', 'A'],
    ['l', 'A'],
  ],
  unsupported: 'di',
  usageStatus: 1,
  exitStatuses: [
    [0, 'listed; with -s: the ticket-granting ticket is valid'],
    [1, 'not listed, with -s: no valid ticket; or wrong usage'],
  ],
  environment: ['KRB5CCNAME', 'KRB5_CONFIG', 'KRB5_KTNAME'],
  examples: ['krb5 klist -ef', 'krb5 klist -ket /etc/krb5.keytab', 'krb5 klist -s || krb5 kinit alice'],
};

export async function run(args: Arguments, io: Io): Promise<number> {
  if (args.has('V')) {
    writeLine(io.stdout, `krb5-client ${packageVersion()}`);
    return 0;
  }
  if (args.has('s')) return (await hasValidTicket(args, io)) ? 0 : 1;
  checkCombination(args);
  const { config } = await startSession(io);
  if (args.has('k')) await listKeytab(args, io, config);
  else await listCache(args, io, config);
  return 0;
}

function checkCombination(args: Arguments): void {
  if (args.has('K')) throw new UsageError('option -K is refused: keys are never printed');
  if (args.has('t') && !args.has('k')) throw new UsageError('option -t needs -k');
  if (args.has('n') && !args.has('a')) throw new UsageError('option -n needs -a');
}

/** Whether a login holds: silent, whatever the reason why not. */
async function hasValidTicket(args: Arguments, io: Io): Promise<boolean> {
  try {
    const { config } = await startSession(io);
    const { path } = await locateCache(config, io, args.operands[0]);
    return isCurrent(await readCcacheFile(path), Date.now() / 1000);
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

async function listCache(args: Arguments, io: Io, config: Krb5Config): Promise<void> {
  const { path } = await locateCache(config, io, args.operands[0]);
  const cache = await readCcacheFile(path);
  const name = `FILE:${path}`;
  if (args.has('json')) writeJson(io.stdout, cacheJson(name, cache, args.has('C')));
  else if (args.has('l')) for (const line of summaryLines(name, cache)) writeLine(io.stdout, line);
  else for (const line of cacheLines(name, cache, args)) writeLine(io.stdout, line);
}

function summaryLines(name: string, { defaultPrincipal }: CredentialCache): string[] {
  const row = (...[principal, cache]: readonly [string, string]): string =>
    `${principal.padEnd(30)} ${cache}`;
  return [
    row('Principal name', 'Cache name'),
    row('--------------', '----------'),
    row(printable(formatPrincipal(defaultPrincipal)), printable(name)),
  ];
}

function cacheLines(name: string, cache: CredentialCache, args: Arguments): string[] {
  const show = { flags: args.has('f'), etypes: args.has('e'), addresses: args.has('a') };
  const config = (position: number): string[] =>
    args.has('C') ? cache.config.filter((entry) => entry.position === position).map(configText) : [];
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

function configText({ key, principal, value }: ConfigEntry): string {
  const about = principal === undefined ? '' : `(${principal})`;
  return printable(`config: ${key}${about} = ${utf8Text(value)}`);
}

function cacheJson(name: string, cache: CredentialCache, withConfig: boolean): unknown {
  const config = cache.config.map(({ key, principal, value }) => ({
    key,
    principal: principal ?? null,
    value: utf8Text(value),
  }));
  return {
    cache: name,
    principal: formatPrincipal(cache.defaultPrincipal),
    credentials: cache.credentials.map(ticketJson),
    ...(withConfig ? { config } : {}),
  };
}

async function listKeytab(args: Arguments, io: Io, config: Krb5Config): Promise<void> {
  const given = args.operands[0] ?? systemKeytabName(config, io.env);
  const path = await during({ activity: `while resolving keytab ${printable(given)}` }, () =>
    keytabPath(given),
  );
  const entries = await during({ activity: 'while starting keytab scan' }, () => readKeytabFile(path));
  const name = `${/^WRFILE:/i.test(given) ? 'WRFILE' : 'FILE'}:${path}`;
  if (args.has('json')) writeJson(io.stdout, { keytab: name, entries: entries.map(entryJson) });
  else for (const line of keytabLines(name, entries, args)) writeLine(io.stdout, line);
  for (const { key } of entries) key.wipe();
}

function keytabLines(name: string, entries: readonly KeytabEntry[], args: Arguments): string[] {
  const times = args.has('t');
  const rows = entries.map(({ kvno, timestamp, principal, key }) => {
    const time = times ? `${formatTime(timestamp)} ` : '';
    const etype = args.has('e') ? ` (${etypeText(key.etype)}) ` : '';
    return `${String(kvno).padStart(4)} ${time}${printable(formatPrincipal(principal))}${etype}`;
  });
  return [
    `Keytab name: ${printable(name)}`,
    `KVNO ${times ? 'Timestamp'.padEnd(TIME_WIDTH + 1) : ''}Principal`,
    `---- ${times ? `${'-'.repeat(TIME_WIDTH)} ` : ''}${'-'.repeat(times ? 73 - TIME_WIDTH : 74)}`,
    ...rows,
  ];
}

function entryJson({ kvno, timestamp, principal, key }: KeytabEntry): unknown {
  return {
    kvno,
    principal: formatPrincipal(principal),
    timestamp: isoTime(timestamp),
    keyType: encryptionTypeName(key.etype),
  };
}
