/** `krb5 kinit`: logs in and stores the ticket (MIT krb5, kinit(1)). The cache changes only after success. */
import { utf8Text } from '../bytes.js';
import type { LoginOptions } from '../client/request.js';
import { CredentialError } from '../errors.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, krbtgtPrincipal, type Principal, samePrincipal } from '../formats/principal.js';
import { paDataTypeName } from '../iana/paDataTypes.js';
import { hasFlag, TICKET_FLAGS } from '../messages/flags.js';
import {
  type CacheCollection,
  type CredentialCacheStore,
  findByPrincipal,
  principalOf,
} from '../stores/cacheStore.js';
import { exchangeTicket } from './cachedTickets.js';
import { openCache, openCollection, residualName, warnOfMemory } from './caches.js';
import { type Session, startSession } from './command.js';
import { ticketJson } from './credentialText.js';
import { during } from './failure.js';
import { type Identity, initialTicket, storeInitialTicket, storeLogin } from './initialTicket.js';
import { type Io, printable, writeJson, writeLine } from './io.js';
import {
  keytabIdentity,
  LOGIN_EXCLUSIVE,
  LOGIN_OPTIONS,
  namedPrincipal,
  parseService,
  passwordIdentity,
  ticketWishes,
  userPrincipal,
  usesKeytab,
  wantedAddresses,
} from './loginOptions.js';
import type { Arguments, CommandSpec } from './options.js';

export const spec: CommandSpec = {
  name: 'kinit',
  summary: 'log in: get and store a ticket-granting ticket',
  operands: '[principal]',
  operandCount: { least: 0, most: 1 },
  options: [
    { letter: 'V', text: 'tell what is done' },
    ...LOGIN_OPTIONS,
    {
      letter: 's',
      value: 'start_time',
      text: 'ask for a postdated ticket that starts after so long, or then',
    },
    { letter: 'v', text: 'validate the postdated ticket in the cache' },
    { letter: 'R', text: 'renew the ticket in the cache; no password is needed' },
    { letter: 'c', value: 'cache', text: 'credential cache to write' },
    { letter: 'S', value: 'service', text: 'get a ticket for this service, such as kadmin/changepw' },
    { letter: 'I', value: 'cache', text: 'cache of an earlier login, by whose method to log in' },
  ],
  caches: true,
  exclusive: [...LOGIN_EXCLUSIVE, ['R', 'v']],
  unsupported: 'nTX',
  ignored: '5',
  usageStatus: 2,
  exitStatuses: [
    [0, 'the ticket is in the cache'],
    [1, 'no ticket; the cache is as it was'],
    [2, 'wrong usage'],
    [130, 'Ctrl-C at the password prompt'],
  ],
  environment: ['KRB5CCNAME', 'KRB5_CONFIG', 'KRB5_KTNAME', 'KRB5_CLIENT_KTNAME', 'KRB5_TRACE'],
  examples: [
    'krb5 kinit -l 8h alice@EXAMPLE.TEST',
    'krb5 kinit -k -t /etc/app.keytab -c FILE:/run/app/krb5cc app/host.example.test',
  ],
};

/** What all steps need. */
interface Login extends Session {
  readonly args: Arguments;
  readonly io: Io;
  readonly collection: CacheCollection;
}

/** Where the ticket goes. */
interface Target {
  readonly store: CredentialCacheStore;
  /** Whether to make it the primary cache of the collection. */
  readonly switches: boolean;
}

export async function run(args: Arguments, io: Io): Promise<number> {
  const wishes = ticketWishes(args);
  const session = await startSession(io);
  const config = { ...session.config, canonicalize: session.config.canonicalize || args.has('C') };
  const collection = await openCollection(args, config, io, args.value('c'), opening(args.value('c')));
  const login: Login = { args, io, collection, config, trace: session.trace };
  if (args.has('c')) tell(login, `Using specified cache: ${args.value('c')}`);
  const { credential, store } = await (args.has('R') || args.has('v')
    ? exchange(login)
    : logIn(login, { ...wishes, addresses: wantedAddresses(args, config) }));
  if (args.has('json')) writeJson(io.stdout, { cache: store.name, ...ticketJson(credential) });
  tell(login, 'Authenticated to Kerberos v5');
  return 0;
}

/** What MIT krb5 says where the cache that was named cannot be opened. */
function opening(name: string | undefined): { activity: string; opening: true } {
  const activity =
    name === undefined ? 'while getting default ccache' : `resolving ccache ${printable(name)}`;
  return { activity, opening: true };
}

/** What -V tells of whom it is about. */
function tellPrincipal(login: Login, principal: Principal): void {
  const input = login.args.value('I');
  if (input !== undefined) tell(login, `Using specified input cache: ${input}`);
  tell(login, `Using principal: ${formatPrincipal(principal)}`);
}

/** What -V tells. */
function tell({ args, io }: Login, text: string): void {
  if (args.has('V')) writeLine(io.stderr, printable(text));
}

/** A ticket, and the cache that has it now. */
interface Stored {
  readonly credential: Credential;
  readonly store: CredentialCacheStore;
}

async function logIn(login: Login, wishes: LoginOptions): Promise<Stored> {
  const { args, collection } = login;
  const keytab = usesKeytab(args, login.io);
  const { identity, target } = keytab ? await keytabLogin(login) : await passwordLogin(login);
  warnOfMemory(target.store, spec.name, login.io);
  const { principal, password, keySource } = identity;
  const service = await parseService(args.value('S'), principal);
  await checkInputCache(login, service ?? krbtgtPrincipal(principal.realm));
  const situation = { activity: 'while getting initial credentials', client: principal, password };
  const name = formatPrincipal(principal);
  login.trace?.({ event: 'kinit.login', text: `Getting initial credentials for ${name}` });
  try {
    return await during(situation, async () => {
      const result = await initialTicket(identity, login, { ...wishes, service });
      await during({ ...situation, writing: 'Failed to store credentials: ' }, () =>
        storeLogin(target.store, result, login),
      );
      if (target.switches) await collection.switchTo(target.store);
      return { credential: result.credential, store: target.store };
    });
  } finally {
    keySource.dispose();
  }
}

interface Choice {
  readonly identity: Identity;
  readonly target: Target;
}

async function keytabLogin(login: Login): Promise<Choice> {
  const { args, config, io } = login;
  const given = await namedPrincipal(args.operands[0], args, config);
  const identity = await keytabIdentity(given, args, config, io);
  const target = await chooseTarget(login, identity.principal);
  tellPrincipal(login, identity.principal);
  if (args.has('t')) tell(login, `Using keytab: ${identity.keytab}`);
  return { identity, target };
}

async function passwordLogin(login: Login): Promise<Choice> {
  const { principal, target } = await chooseLogin(login);
  tellPrincipal(login, principal);
  return { identity: passwordIdentity(principal, login.args, login.io), target };
}

/** The principal given, else that of the cache, else the user's; and its cache. */
async function chooseLogin(login: Login): Promise<{ principal: Principal; target: Target }> {
  const { args, config } = login;
  const given = await namedPrincipal(args.operands[0], args, config);
  if (given !== undefined) return { principal: given, target: await chooseTarget(login, given) };
  const primary = await resolved(login);
  const cached = await principalOf(primary).catch(() => undefined);
  if (cached !== undefined) return { principal: cached, target: { store: primary, switches: false } };
  const user = await userPrincipal(args, config);
  return { principal: user, target: await chooseTarget(login, user) };
}

function resolved({ args, collection }: Login): Promise<CredentialCacheStore> {
  return during(opening(args.value('c')), () => collection.primary());
}

/** As in MIT krb5: the principal's own cache, else the primary one when it is free, else a new one. */
async function chooseTarget(login: Login, principal: Principal): Promise<Target> {
  const { args, collection } = login;
  const primary = await resolved(login);
  if (args.has('c')) return { store: primary, switches: false };
  if (collection.switchable) {
    const own = await findByPrincipal(collection, principal);
    if (own !== undefined) {
      tell(login, `Using existing cache: ${residualName(own)}`);
      return { store: own, switches: true };
    }
    if ((await principalOf(primary)) !== undefined) {
      const created = await collection.create();
      tell(login, `Using new cache: ${residualName(created)}`);
      return { store: created, switches: true };
    }
  }
  tell(login, `Using default cache: ${residualName(primary)}`);
  return { store: primary, switches: false };
}

/** With -I the method of an earlier login is prescribed; the only one that we know is the encrypted timestamp. */
async function checkInputCache(login: Login, server: Principal): Promise<void> {
  const { args, config, io } = login;
  const name = args.value('I');
  if (name === undefined) return;
  const store = await openCache(args, config, io, name, opening(name));
  const type = await store.config('pa_type', formatPrincipal(server)).catch(() => undefined);
  const method = type === undefined ? undefined : utf8Text(type);
  if (method === undefined || method === '2') return;
  login.trace?.({
    event: 'kinit.method',
    text: `${name} was got with ${paDataTypeName(Number(method))}, which is not supported; not used`,
  });
}

/** Renews or validates. */
async function exchange(login: Login): Promise<Stored> {
  const { args, config } = login;
  const option = args.has('v') ? 'validate' : 'renew';
  const activity = `while ${option === 'renew' ? 'renewing' : 'validating'} credentials`;
  const { principal, target } = await chooseLogin(login);
  const { store } = target;
  tellPrincipal(login, principal);
  const credential = await during({ activity, client: principal, cache: store.name }, async () => {
    const before = await store.read();
    const owner = before.defaultPrincipal;
    if (!samePrincipal(principal, owner)) throw otherPrincipal(owner, principal);
    const service = await parseService(args.value('S'), principal);
    const server = { ...(service ?? krbtgtPrincipal(owner.realm)), realm: owner.realm };
    const renewed = await exchangeTicket(option, before, server, { config, trace: login.trace });
    if (hasFlag(renewed.flags, TICKET_FLAGS.invalid)) throw stillInvalid(renewed);
    tell(login, 'Initialized cache');
    const contents = { credentials: [renewed], kdcTimeOffset: before.kdcTimeOffset };
    await storeInitialTicket(store, renewed, contents, login.trace);
    tell(login, 'Stored credentials');
    return renewed;
  });
  if (target.switches) await login.collection.switchTo(store);
  return { credential, store };
}

function otherPrincipal(cached: Principal, wanted: Principal): CredentialError {
  const problem = `the cache holds tickets of ${formatPrincipal(cached)}, not of ${formatPrincipal(wanted)}`;
  return new CredentialError('ERR_NO_TICKET', problem);
}

function stillInvalid({ server }: Credential): CredentialError {
  const text = `the KDC left the ticket ${formatPrincipal(server)} invalid; it may not have started yet`;
  return new CredentialError('ERR_NO_TICKET', text);
}
