/** `krb5 kvno`: gets service tickets, stores them and tells the version of their keys (MIT krb5, kvno(1)). */
import type { Client } from '../client/client.js';
import { fromCcache } from '../client/identities.js';
import { parseServiceName } from '../client/serviceName.js';
import { CryptoError } from '../errors.js';
import { keytabPath } from '../formats/ccacheName.js';
import type { Credential } from '../formats/credential.js';
import { findKeytabEntry, type KeytabEntry } from '../formats/keytab.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { encryptionTypeNumbers } from '../iana/encryptionTypes.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { NAME_TYPES } from '../iana/nameTypes.js';
import { unseal } from '../messages/sealed.js';
import { readKeytabFile } from '../stores/fileKeytab.js';
import { locateCache, parseName, startSession } from './command.js';
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
  ],
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

interface Query {
  readonly args: Arguments;
  readonly client: Client;
  readonly etype: number | undefined;
  readonly keytab: readonly KeytabEntry[] | undefined;
}

export async function run(args: Arguments, io: Io): Promise<number> {
  const etype = parseEtype(args.value('e'));
  const session = await startSession(io);
  const { trace } = session;
  const config: Krb5Config =
    etype === undefined ? session.config : { ...session.config, defaultTgsEtypes: [etype] };
  const cache = await locateCache(config, io, args.value('c'));
  const keytab = await readKeytab(args.value('k'));
  const client = await during({ activity: 'while getting client principal name' }, () =>
    fromCcache({ config, ccache: `FILE:${cache.path}`, trace }),
  );
  return askAll({ args, client, etype, keytab }, io);
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

/** Asks for every service, whatever comes of the others. */
async function askAll(query: Query, io: Io): Promise<number> {
  const { args } = query;
  const json = args.has('json');
  const rows: unknown[] = [];
  let status = 0;
  for (const name of args.operands) {
    try {
      const found = await ask(query, name);
      if (json) rows.push(foundJson(found));
      else writeFound(found, args.has('q'), io);
      if (found.valid === false) status = 1;
    } catch (error) {
      status = 1;
      writeFailure(error, spec.name, json, io);
    }
  }
  if (json) writeJson(io.stdout, rows);
  return status;
}

async function ask({ args, client, etype, keytab }: Query, name: string): Promise<Found> {
  const server = await during({ activity: `while parsing principal name ${printable(name)}` }, () =>
    parseServer(args, name, client.config),
  );
  const activity = `while getting credentials for ${printable(formatPrincipal(server))}`;
  return during({ activity, client: client.principal, server }, async () => {
    const known = await client.serviceTicket(server);
    const fits = etype === undefined || known.sessionKey.etype === etype;
    const credential = fits ? known : await client.serviceTicket(server, { fresh: true });
    const kvno = outerTicket(credential)?.encPart.kvno ?? null;
    const valid = keytab === undefined ? undefined : decrypts(credential, keytab);
    return { credential, kvno, valid };
  });
}

/** As MIT's kvno: a principal in the default realm; with -S a host in the realm that [domain_realm] tells. */
function parseServer(args: Arguments, name: string, config: Krb5Config): Principal {
  const service = args.value('S');
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
    if (error instanceof CryptoError) return false;
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
