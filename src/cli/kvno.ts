/** `krb5 kvno`: gets service tickets, stores them and tells the version of their keys (MIT krb5, kvno(1)). */
import { equalBytes } from '../bytes.js';
import { parseServiceName } from '../client/serviceName.js';
import { CredentialError, CryptoError, FormatError } from '../errors.js';
import type { CredentialCache } from '../formats/ccache.js';
import { keytabPath } from '../formats/ccacheName.js';
import type { Credential } from '../formats/credential.js';
import { findKeytabEntry, type KeytabEntry } from '../formats/keytab.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { encryptionTypeNumbers } from '../iana/encryptionTypes.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { NAME_TYPES } from '../iana/nameTypes.js';
import { unseal } from '../messages/sealed.js';
import type { CredentialCacheStore } from '../stores/cacheStore.js';
import { readKeytabFile } from '../stores/fileKeytab.js';
import { fetchTicket, localTgt, nowOf } from './cachedTickets.js';
import { openCache, warnOfMemory } from './caches.js';
import { parseName, type Session, startSession } from './command.js';
import { outerTicket, ticketJson } from './credentialText.js';
import { during, writeFailure } from './failure.js';
import { type Io, printable, writeJson, writeLine } from './io.js';
import { type Arguments, type CommandSpec, UsageError } from './options.js';

export const spec: CommandSpec = {
  name: 'kvno',
  summary: 'get service tickets and tell their key versions',
  operands: 'service...',
  operandCount: { least: 1, most: Number.POSITIVE_INFINITY },
  options: [
    { letter: 'c', value: 'cache', text: 'credential cache with the ticket-granting ticket' },
    { letter: 'e', value: 'etype', text: 'encryption type of the session key, such as aes128-cts' },
    { letter: 'k', value: 'keytab', text: 'check that the tickets can be decrypted with this keytab' },
    { letter: 'q', text: 'print nothing but errors' },
    { letter: 'S', value: 'sname', text: 'the arguments are hosts with this service, such as HTTP' },
    { letter: 'u', text: 'the arguments have the name type unknown' },
    { letter: 'C', text: 'let the KDC replace the name by the canonical one' },
    { word: 'cached-only', text: 'ask no KDC' },
    { word: 'no-store', text: 'do not add the tickets to the cache' },
    { word: 'out-cache', value: 'cache', text: 'put the tickets into this cache, in place of what it holds' },
    {
      word: 'u2u',
      value: 'cache',
      text: 'the service is the user whose login is in this cache (user-to-user)',
    },
  ],
  caches: true,
  exclusive: [['S', 'u']],
  unsupported: 'FIUP',
  usageStatus: 1,
  exitStatuses: [
    [0, 'all tickets are at hand'],
    [1, 'one is not, or wrong usage'],
  ],
  environment: ['KRB5CCNAME', 'KRB5_CONFIG', 'KRB5_TRACE'],
  examples: ['krb5 kvno HTTP/www.example.test', 'krb5 kvno -S HTTP www.example.test'],
};

/** What came of one service. */
interface Found {
  readonly credential: Credential;
  readonly kvno: number | null;
  /** Whether the keytab decrypts the ticket; undefined when not asked for. */
  readonly valid: boolean | undefined;
}

interface Query extends Session {
  readonly args: Arguments;
  readonly store: CredentialCacheStore;
  readonly etype: number | undefined;
  readonly keytab: readonly KeytabEntry[] | undefined;
  /** The peer's ticket-granting ticket, for user-to-user. */
  readonly secondTicket: Uint8Array | undefined;
}

export async function run(args: Arguments, io: Io): Promise<number> {
  const etype = parseEtype(args.value('e'));
  const session = await startSession(io, 'krb5 library');
  const config = { ...session.config, canonicalize: session.config.canonicalize || args.has('C') };
  const store = await openCache(args, config, io, args.value('c'), { activity: 'while opening ccache' });
  const output = args.value('out-cache');
  const opening = { activity: 'while resolving output ccache' };
  const target = output === undefined ? undefined : await openCache(args, config, io, output, opening);
  if (target !== undefined) warnOfMemory(target, spec.name, io);
  const keytab = await readKeytab(args.value('k'));
  const secondTicket = await peerTicket(args, config, io);
  const client = await during({ activity: 'while getting client principal name' }, () => store.principal());
  const query = { args, store, etype, keytab, secondTicket, config, trace: session.trace };
  const { status, found } = await askAll(query, io);
  if (target !== undefined && status === 0) {
    const credentials = found.map(({ credential }) => credential);
    await during({ activity: 'while writing output ccache', writing: '' }, () =>
      target.initialize(credentials[0]?.client ?? client, { credentials }),
    );
  }
  return status;
}

function parseEtype(name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  const [etype, another] = encryptionTypeNumbers(name);
  if (etype !== undefined && another === undefined) return etype;
  throw new UsageError(`${printable(name)} is no encryption type; write for example aes128-cts`);
}

function readKeytab(name: string | undefined): Promise<readonly KeytabEntry[] | undefined> {
  return during({ activity: `while resolving keytab ${printable(name ?? '')}` }, () =>
    name === undefined ? undefined : readKeytabFile(keytabPath(name)),
  );
}

/** The ticket-granting ticket in the cache of --u2u, whose holder is the service of a user-to-user ticket. */
async function peerTicket(args: Arguments, config: Krb5Config, io: Io): Promise<Uint8Array | undefined> {
  const name = args.value('u2u');
  if (name === undefined) return undefined;
  const activity = `while getting user-to-user ticket from ${printable(name)}`;
  const store = await openCache(args, config, io, name, { activity });
  return during({ activity, opened: activity }, async () => localTgt(await store.read()).ticket);
}

/** Asks for every service, whatever comes of the others. */
async function askAll(query: Query, io: Io): Promise<{ status: number; found: readonly Found[] }> {
  const { args } = query;
  const json = args.has('json');
  const all: Found[] = [];
  let status = 0;
  for (const name of args.operands) {
    try {
      const found = await ask(query, name);
      all.push(found);
      if (!json) writeFound(found, args.has('q'), io);
      if (found.valid === false) status = 1;
    } catch (error) {
      status = 1;
      writeFailure(error, spec.name, json, io);
    }
  }
  if (json) writeJson(io.stdout, all.map(foundJson));
  return { status, found: all };
}

async function ask(query: Query, name: string): Promise<Found> {
  const { args, store, config, keytab } = query;
  const server = await during({ activity: `while parsing principal name ${printable(name)}` }, () =>
    parseServer(args, name, config),
  );
  const activity = `while getting credentials for ${printable(formatPrincipal(server))}`;
  const cache = await during({ activity }, () => store.read());
  const hint = hostBasedHint(args, name);
  return during({ activity, client: cache.defaultPrincipal, server, cache: store.name, hint }, async () => {
    const credential = await findTicket(query, cache, server);
    const kvno = outerTicket(credential)?.encPart.kvno ?? null;
    const valid = keytab === undefined ? undefined : decrypts(credential, keytab);
    return { credential, kvno, valid };
  });
}

/** `service@host` means a host to the GSS-API and a realm here. */
function hostBasedHint(args: Arguments, name: string): string | undefined {
  const [, service, host] = /^([^/@\\]+)@([^/@\\]+)$/.exec(name) ?? [];
  if (service === undefined || args.has('S')) return undefined;
  return `for the service ${service} on the host ${host} write ${service}/${host}`;
}

/** The ticket of the cache, else from the KDC. */
async function findTicket(query: Query, cache: CredentialCache, server: Principal): Promise<Credential> {
  const { args, store, etype, secondTicket, trace } = query;
  const known = await store.find({
    server: server.realm === '' ? { ...server, realm: cache.defaultPrincipal.realm } : server,
    client: cache.defaultPrincipal,
    validAt: nowOf(cache),
    etype,
    isSkey: secondTicket !== undefined,
  });
  const fits = secondTicket === undefined || (known && equalBytes(known.secondTicket, secondTicket));
  if (known !== undefined && fits) return known;
  if (args.has('cached-only')) {
    const text = `there is no valid ticket ${formatPrincipal(server)} in ${store.name}`;
    throw new CredentialError('ERR_NO_TICKET', text);
  }
  const credential = await fetchTicket(cache, server, query, { etype, secondTicket });
  if (!args.has('no-store') && !args.has('out-cache')) await keep(store, credential, trace);
  return credential;
}

/** Stores a ticket; a cache that cannot be written costs a request next time, nothing else. */
async function keep(
  store: CredentialCacheStore,
  credential: Credential,
  trace: Session['trace'],
): Promise<void> {
  try {
    await store.store(credential);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    trace?.({ event: 'ccache.store', text: `The ticket was not stored: ${reason}` });
  }
}

/** As MIT's kvno: a principal in the default realm; with -S a host in the realm that [domain_realm] tells. */
function parseServer(args: Arguments, name: string, config: Krb5Config): Principal {
  const service = args.value('S');
  if (service !== undefined && /[/@\\]/.test(name)) {
    throw new FormatError(
      'principal name',
      `"${name}" is no host name; with -S ${service} write the host alone`,
    );
  }
  if (service !== undefined) return parseServiceName(`${service}@${name}`, config);
  return parseName(name, config, args.has('u') ? { nameType: NAME_TYPES['NT-UNKNOWN'] } : {});
}

/** Whether the keytab has the key that the ticket is encrypted in. */
function decrypts(credential: Credential, keytab: readonly KeytabEntry[]): boolean {
  const encPart = outerTicket(credential)?.encPart;
  if (encPart === undefined) return false;
  const { etype, kvno } = encPart;
  const entry = findKeytabEntry(keytab, { principal: credential.server, etype, kvno });
  if (entry === undefined) return false;
  try {
    unseal(encPart, entry.key, KEY_USAGES.TICKET).fill(0);
    return true;
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'ERR_INTEGRITY') return false;
    throw error;
  }
}

function writeFound({ credential, kvno, valid }: Found, quiet: boolean, io: Io): void {
  const name = printable(formatPrincipal(credential.server));
  const keytab = valid === undefined ? '' : `, keytab entry ${valid ? 'valid' : 'invalid'}`;
  if (valid === false) {
    writeLine(io.stderr, `${name}: kvno = ${kvno ?? 0}${keytab}`);
    writeLine(
      io.stderr,
      `kvno: no key of the keytab decrypts the ticket for ${name}; krb5 klist -ke lists them`,
    );
  } else if (!quiet) {
    writeLine(io.stdout, `${name}: kvno = ${kvno ?? 0}${keytab}`);
  }
}

function foundJson({ credential, kvno, valid }: Found): unknown {
  return {
    service: formatPrincipal(credential.server),
    kvno,
    ...(valid === undefined ? {} : { keytabEntryValid: valid }),
    ticket: ticketJson(credential),
  };
}
