/**
 * `krb5 exec`: runs a command with credentials of its own. They are in a FILE cache in a folder that only this user can
 * enter, are renewed while the command runs, and are gone when it has ended. Signals are passed on to the command.
 */
import { mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { earlyMoment, isRenewable } from '../client/lifetime.js';
import type { CredentialCache } from '../formats/ccache.js';
import type { Credential } from '../formats/credential.js';
import type { Principal } from '../formats/principal.js';
import { FileCacheStore } from '../stores/fileCacheStore.js';
import { exchangeTicket } from './cachedTickets.js';
import { openCache } from './caches.js';
import { runChild, SignalGate } from './childProcess.js';
import { type Session, startSession } from './command.js';
import { during, writeFailure } from './failure.js';
import { type Identity, initialTicket } from './initialTicket.js';
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

/** Where the tickets come from. */
interface Source {
  /** To begin with. */
  readonly first: CredentialCache;
  /** The ticket-granting ticket that takes the place of `current`; undefined when there is no way to get one. */
  readonly next: ((current: Credential) => Promise<Credential | undefined>) | undefined;
  dispose(): void;
}

export async function run(args: Arguments, io: Io): Promise<number> {
  const [command, ...rest] = args.command;
  if (command === undefined) throw new UsageError('name the command behind --');
  const session = await startSession(io);
  const config = { ...session.config, canonicalize: session.config.canonicalize || args.has('C') };
  const source = await openSource(args, { config, trace: session.trace }, io);
  // From here on signals are the command's matter, and this program's only to clean up.
  const gate = new SignalGate();
  try {
    return await withPrivateCache(source.first, async (store) => {
      const stop = keepFresh(store, source, args, io);
      try {
        return await runChild(command, rest, { ...io.env, KRB5CCNAME: store.name }, gate, io);
      } finally {
        stop();
      }
    });
  } finally {
    gate.close();
    source.dispose();
  }
}

async function openSource(args: Arguments, session: Session, io: Io): Promise<Source> {
  const name = args.value('c');
  if (name !== undefined) return cacheSource(name, args, session, io);
  const { config } = session;
  const wishes = { ...ticketWishes(args), addresses: wantedAddresses(args, config) };
  const identity = await whoLogsIn(args, session, io);
  const login = () => initialTicket(identity, session, wishes);
  const { principal: client, password, keySource } = identity;
  try {
    const situation = { activity: 'while getting initial credentials', client, password };
    const { credential, contents } = await during(situation, login);
    return {
      first: cacheOf(credential.client, contents),
      next: async () => (await login()).credential,
      dispose: () => keySource.dispose(),
    };
  } catch (error) {
    keySource.dispose();
    throw error;
  }
}

function cacheOf(
  defaultPrincipal: Principal,
  contents: {
    readonly [Part in 'credentials' | 'config' | 'kdcTimeOffset']?: CredentialCache[Part] | undefined;
  },
): CredentialCache {
  const { credentials = [], config = [], kdcTimeOffset } = contents;
  return { version: 4, defaultPrincipal, credentials, config, kdcTimeOffset };
}

async function whoLogsIn(args: Arguments, { config }: Session, io: Io): Promise<Identity> {
  const given = await namedPrincipal(args.operands[0], args, config);
  if (usesKeytab(args, io)) return keytabIdentity(given, args, config, io);
  return passwordIdentity(given ?? (await userPrincipal(args, config)), args, io);
}

async function cacheSource(name: string, args: Arguments, session: Session, io: Io): Promise<Source> {
  if (args.operands.length > 0) throw new UsageError('the cache of -c has a principal already');
  const store = await openCache(session.config, io, name);
  const first = await during({ activity: 'while reading the cache' }, () => store.read());
  return {
    first,
    next: async (current) =>
      isRenewable(current)
        ? exchangeTicket('renew', { ...first, credentials: [current] }, current.server, session)
        : undefined,
    dispose: () => undefined,
  };
}

/** Does `action` with a new cache, which is overwritten and removed afterwards. */
async function withPrivateCache(
  { defaultPrincipal, ...contents }: CredentialCache,
  action: (store: FileCacheStore) => Promise<number>,
): Promise<number> {
  const activity = 'while making the private cache';
  const folder = await during({ activity }, () => mkdtemp(join(tmpdir(), 'krb5-exec-')));
  const store = new FileCacheStore(join(folder, 'cc'));
  try {
    await during({ activity }, () => store.initialize(defaultPrincipal, contents));
    return await action(store);
  } finally {
    await store.destroy().catch(() => undefined);
    await rmdir(folder).catch(() => rm(folder, { recursive: true, force: true }));
  }
}

/** After a failure it is tried again after this. */
const RETRY_MS = 60_000;
const LONGEST_WAIT_MS = 600_000;

/** Replaces the ticket-granting ticket when half of its life is over. Gives what ends that. */
function keepFresh(store: FileCacheStore, source: Source, args: Arguments, io: Io): () => void {
  const { first, next } = source;
  const offset = first.kdcTimeOffset?.seconds ?? 0;
  let current = first.credentials.find(({ server }) => server.components[0] === 'krbtgt');
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const sleep = (ms: number): void => {
    if (!stopped) timer = setTimeout(() => void wake(), Math.min(Math.max(ms, 500), LONGEST_WAIT_MS));
  };
  const plan = (ticket: Credential): void =>
    sleep((earlyMoment(ticket, Math.random()) - offset) * 1000 - Date.now());
  const wake = async (): Promise<void> => {
    if (current === undefined || next === undefined) return;
    if (Date.now() < (earlyMoment(current, 0) - offset) * 1000) return plan(current);
    try {
      const fresh = await next(current);
      if (fresh === undefined || stopped) return;
      await store.store(fresh);
      current = fresh;
      plan(fresh);
    } catch (error) {
      if (!stopped) writeFailure(error, 'exec', args.has('json'), io);
      sleep(RETRY_MS);
    }
  };
  if (current !== undefined) plan(current);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
