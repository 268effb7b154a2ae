/**
 * `krb5 exec`: runs a command with credentials of its own. They are in a FILE cache in a folder that only this user can
 * enter, are renewed while the command runs, and are gone when it has ended. Signals are passed on to the command.
 */
import { mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '../client/client.js';
import { loginContents } from '../client/loginContents.js';
import { KerberosError } from '../errors.js';
import type { CredentialCache } from '../formats/ccache.js';
import type { Credential } from '../formats/credential.js';
import { krbtgtPrincipal, samePrincipal } from '../formats/principal.js';
import type { CredentialCacheStore } from '../stores/cacheStore.js';
import { FileCacheStore } from '../stores/fileCacheStore.js';
import { openCache } from './caches.js';
import { runChild, SignalGate } from './childProcess.js';
import { type Session, startSession } from './command.js';
import { during, Failure, type Situation, writeFailure } from './failure.js';
import { clientOf, type Identity } from './initialTicket.js';
import type { Io } from './io.js';
import {
  keytabIdentity,
  LOGIN_EXCLUSIVE,
  LOGIN_OPTIONS,
  namedPrincipal,
  passwordIdentity,
  ticketWishes,
  userPrincipal,
  usesKeytab,
  wantedAddresses,
} from './loginOptions.js';
import { type Arguments, type CommandSpec, UsageError } from './options.js';

export const spec: CommandSpec = {
  name: 'exec',
  summary: 'run a command with a login of its own, renewed while it runs',
  operands: '[principal] -- command [argument ...]',
  operandCount: { least: 0, most: 1 },
  takesCommand: true,
  options: [
    { letter: 'c', value: 'cache', text: 'begin with the tickets of this cache instead of a login' },
    ...LOGIN_OPTIONS,
  ],
  caches: true,
  exclusive: [...LOGIN_EXCLUSIVE, ['c', 'k'], ['c', 't'], ['c', 'i']],
  unsupported: '',
  usageStatus: 2,
  exitStatuses: [
    [0, 'as the command ended, and so are all others; 128 + n when signal n ended it'],
    [1, 'no ticket; the command was not run'],
    [2, 'wrong usage'],
    [126, 'the command cannot be run'],
    [127, 'there is no such command'],
  ],
  environment: ['KRB5CCNAME', 'KRB5_CONFIG', 'KRB5_KTNAME', 'KRB5_CLIENT_KTNAME', 'KRB5_TRACE'],
  examples: [
    'krb5 exec -k -t /etc/app.keytab app/host.example.test -- /usr/bin/app --serve',
    'krb5 exec alice@EXAMPLE.TEST -- ssh server.example.test',
  ],
};

/** The client that keeps the tickets fresh, and what the command begins with. */
interface Source {
  readonly client: Client;
  readonly first: CredentialCache;
  /** For what goes wrong while the command runs. */
  readonly situation: Situation;
}

export async function run(args: Arguments, io: Io): Promise<number> {
  const [command, ...rest] = args.command;
  if (command === undefined) throw new UsageError('name the command behind --');
  const session = await startSession(io);
  const config = { ...session.config, canonicalize: session.config.canonicalize || args.has('C') };
  const cache = new PrivateCache((error) => writeFailure(error, spec.name, args.has('json'), io));
  const source = await openSource(args, { config, trace: session.trace }, cache, io);
  // From here on signals are the command's matter, and this program's only to clean up.
  const gate = new SignalGate();
  try {
    const name = await cache.open(source.first);
    if (tgtsOf(source.first).length > 0) {
      source.client.keepFresh({ onFailure: ({ error }) => cache.failed(error, source.situation) });
    }
    return await runChild(command, rest, { ...io.env, KRB5CCNAME: name }, gate, {
      io,
      json: args.has('json'),
    });
  } finally {
    source.client.dispose();
    await cache.destroy();
    gate.close();
  }
}

async function openSource(args: Arguments, session: Session, cache: PrivateCache, io: Io): Promise<Source> {
  const name = args.value('c');
  if (name !== undefined) return cacheSource(name, args, session, cache, io);
  const { config } = session;
  const wishes = { ...ticketWishes(args), addresses: wantedAddresses(args, config) };
  const identity = await whoLogsIn(args, session, io);
  const { principal, password, keySource } = identity;
  const client = clientOf(principal, session, { keySource, keep: (ticket) => cache.keep(ticket) });
  const about = { client: principal, password };
  try {
    const result = await during({ activity: 'while getting initial credentials', ...about }, () =>
      client.login(wishes),
    );
    const first = {
      version: 4,
      defaultPrincipal: result.credential.client,
      ...loginContents(result),
    } as const;
    return { client, first, situation: { activity: 'while replacing the ticket', ...about } };
  } catch (error) {
    client.dispose();
    throw error;
  }
}

async function whoLogsIn(args: Arguments, { config }: Session, io: Io): Promise<Identity> {
  const given = await namedPrincipal(args.operands[0], args, config);
  if (usesKeytab(args, io)) return keytabIdentity(given, args, config, io);
  return passwordIdentity(given ?? (await userPrincipal(args, config)), args, io);
}

/** Without a key: tickets are renewed, or taken from the cache when somebody has logged in there again. */
async function cacheSource(
  name: string,
  args: Arguments,
  session: Session,
  cache: PrivateCache,
  io: Io,
): Promise<Source> {
  if (args.operands.length > 0) throw new UsageError('the cache of -c has a principal already');
  const store = await openCache(args, session.config, io, name);
  const first = await during({ activity: 'while reading the cache' }, () => store.read());
  const { defaultPrincipal } = first;
  const client = clientOf(defaultPrincipal, session, {
    credentials: tgtsOf(first),
    kdcTimeOffsetSeconds: first.kdcTimeOffset?.seconds,
    keep: (ticket) => cache.keep(ticket),
    reload: () => cache.follow(store),
  });
  const situation = { activity: 'while replacing the ticket', client: defaultPrincipal };
  return { client, first, situation };
}

/** The principal's ticket-granting tickets of its own realm. */
function tgtsOf({ defaultPrincipal, credentials }: CredentialCache): readonly Credential[] {
  const tgs = krbtgtPrincipal(defaultPrincipal.realm);
  return credentials.filter(
    ({ client, server }) => samePrincipal(server, tgs) && samePrincipal(client, defaultPrincipal),
  );
}

/** The command's cache: in a folder that only this user can enter, overwritten and removed at the end. */
class PrivateCache {
  readonly #warn: (error: unknown) => void;
  /** What was warned of last; it is tried again and again, but told once. */
  #told: unknown;
  /** Whether the command has ended; nobody needs to know of a ticket that came too late. */
  #over = false;
  #folder: string | undefined;
  #store: FileCacheStore | undefined;
  /** End of the latest ticket-granting ticket that it got. */
  #latest = 0;

  constructor(warn: (error: unknown) => void) {
    this.#warn = warn;
  }

  /** Makes it; its name for KRB5CCNAME. */
  open(first: CredentialCache): Promise<string> {
    return during({ activity: 'while making the private cache' }, async () => {
      this.#folder = await mkdtemp(join(tmpdir(), 'krb5-exec-'));
      const store = new FileCacheStore(join(this.#folder, 'cc'));
      await store.initialize(first.defaultPrincipal, first);
      this.#latest = Math.max(0, ...tgtsOf(first).map(({ endTime }) => endTime));
      this.#store = store;
      return store.name;
    });
  }

  /** Puts a newer ticket in; a warning when that fails. */
  async keep(credential: Credential): Promise<void> {
    try {
      await this.#store?.store(credential);
      this.#latest = credential.endTime;
      this.#told = undefined;
    } catch (error) {
      this.failed(error, { activity: 'while storing the new ticket' });
    }
  }

  /** Warns that there is no new ticket. */
  failed(error: unknown, situation: Situation): void {
    const kind = error instanceof KerberosError ? error.code : error;
    if (kind !== this.#told && !this.#over) this.#warn(new Failure(error, situation));
    this.#told = kind;
  }

  /** The tickets that there are in `origin` by now; what is newer than ours is kept. */
  async follow(origin: CredentialCacheStore): Promise<readonly Credential[]> {
    const tgts = await origin.read().then(tgtsOf, () => []);
    for (const tgt of tgts) if (tgt.endTime > this.#latest) await this.keep(tgt);
    return tgts;
  }

  async destroy(): Promise<void> {
    this.#over = true;
    await this.#store?.destroy().catch(() => undefined);
    if (this.#folder === undefined) return;
    const folder = this.#folder;
    await rmdir(folder).catch(() => rm(folder, { recursive: true, force: true }));
  }
}
