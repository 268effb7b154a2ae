/** `krb5 kinit`: logs in and stores the ticket (MIT krb5, kinit(1)). The cache changes only after success. */
import { wipe } from '../bytes.js';
import { Client } from '../client/client.js';
import { fromCcache } from '../client/identities.js';
import { networkConnection } from '../client/kdcConnection.js';
import { type KeySource, keytabKeySource, passwordKeySource } from '../client/keySource.js';
import type { LoginOptions } from '../client/request.js';
import { currentUser, systemEnvironment, systemKeytabName } from '../client/system.js';
import { CredentialError } from '../errors.js';
import { keytabPath } from '../formats/ccacheName.js';
import type { Credential } from '../formats/credential.js';
import { parseDuration } from '../formats/duration.js';
import { formatPrincipal, type Principal, parsePrincipal, samePrincipal } from '../formats/principal.js';
import { readCcacheFile, writeCcacheFile } from '../stores/fileCcache.js';
import { readKeytabFile } from '../stores/fileKeytab.js';
import { type CacheLocation, locateCache, parseName, type Session, startSession } from './command.js';
import { ticketJson } from './credentialText.js';
import { during } from './failure.js';
import { type Io, printable, writeJson, writeLine } from './io.js';
import { hostPrincipal, namesIn } from './keytabPrincipal.js';
import { type Arguments, type CommandSpec, UsageError } from './options.js';
import { promptPassword } from './passwordPrompt.js';

export const spec: CommandSpec = {
  name: 'kinit',
  summary: 'log in: get and store a ticket-granting ticket',
  operands: '[principal]',
  operandCount: { least: 0, most: 1 },
  options: [
    { letter: 'V', text: 'tell what is done' },
    { letter: 'l', value: 'lifetime', text: 'ask for this lifetime: 300, 10h, 1d2h3m4s or 1:30:15' },
    { letter: 'r', value: 'renewable_life', text: 'ask for a ticket that can be renewed for so long' },
    { letter: 'f', text: 'ask for a forwardable ticket' },
    { letter: 'F', text: 'ask for a ticket that is not forwardable' },
    { letter: 'p', text: 'ask for a proxiable ticket' },
    { letter: 'P', text: 'ask for a ticket that is not proxiable' },
    { letter: 'A', text: 'ask for a ticket without addresses, as is done in any case' },
    { letter: 'C', text: 'let the KDC replace the name by the canonical one' },
    { letter: 'E', text: 'the principal is an enterprise name, such as alice@example.com' },
    { letter: 'R', text: 'renew the ticket in the cache; no password is needed' },
    { letter: 'k', text: 'take the key from a keytab; host/HOSTNAME unless a principal is given' },
    { letter: 't', value: 'keytab', text: 'keytab to take the key from' },
    { letter: 'c', value: 'cache', text: 'credential cache to write' },
    { letter: 'S', value: 'service', text: 'get a ticket for this service, such as kadmin/changepw' },
  ],
  exclusive: [
    ['f', 'F'],
    ['p', 'P'],
    ['R', 'S'],
  ],
  unsupported: 'snaviITX',
  usageStatus: 2,
  exitStatuses: [
    [0, 'the ticket is in the cache'],
    [1, 'no ticket; the cache is as it was'],
    [2, 'wrong usage'],
    [130, 'Ctrl-C at the password prompt'],
  ],
  environment: ['KRB5CCNAME', 'KRB5_CONFIG', 'KRB5_KTNAME', 'KRB5_TRACE'],
  examples: [
    'krb5 kinit -l 8h alice@EXAMPLE.TEST',
    'krb5 kinit -k -t /etc/app.keytab -c FILE:/run/app/krb5cc app/host.example.test',
  ],
};

/** What all steps need. */
interface Login extends Session {
  readonly args: Arguments;
  readonly io: Io;
  readonly cache: CacheLocation;
}

/** Whom to log in and with which keys. */
interface Identity {
  readonly principal: Principal;
  readonly keySource: KeySource;
  readonly password: boolean;
}

export async function run(args: Arguments, io: Io): Promise<number> {
  const lifetimes = parseLifetimes(args);
  const session = await startSession(io);
  const config = { ...session.config, canonicalize: session.config.canonicalize || args.has('C') };
  const cache = await locateCache(config, io, args.value('c'));
  const login: Login = { args, io, cache, config, trace: session.trace };
  const credential = args.has('R') ? await renew(login) : await logIn(login, lifetimes);
  if (args.has('json')) writeJson(io.stdout, { cache: `FILE:${cache.path}`, ...ticketJson(credential) });
  tell(login, 'Authenticated to Kerberos v5');
  return 0;
}

function parseLifetimes(args: Arguments): LoginOptions {
  const seconds = (letter: string): number | undefined => {
    const text = args.value(letter);
    if (text === undefined) return undefined;
    try {
      const duration = parseDuration(text);
      if (duration > 0) return duration;
    } catch {
      // told below as MIT tells it
    }
    throw new UsageError(`Bad lifetime value ${printable(text)}`);
  };
  return { lifetimeSeconds: seconds('l'), renewLifetimeSeconds: seconds('r') };
}

/** What -V tells. */
function tell({ args, io }: Login, text: string): void {
  if (args.has('V')) writeLine(io.stderr, printable(text));
}

async function logIn(login: Login, lifetimes: LoginOptions): Promise<Credential> {
  const { args, config, cache, trace } = login;
  tell(login, `Using ${args.has('c') ? 'specified' : 'default'} cache: ${cache.path}`);
  const { principal, keySource, password } = await findIdentity(login);
  const client = new Client({
    principal,
    config,
    trace,
    keySource,
    environment: systemEnvironment(),
    connection: networkConnection({ config, trace }),
  });
  const service = await parseService(args.value('S'), principal);
  const options = { ...lifetimes, ...flagOptions(args), service };
  const situation = { activity: 'while getting initial credentials', client: principal, password };
  trace?.({ event: 'kinit.login', text: `Getting initial credentials for ${formatPrincipal(principal)}` });
  try {
    return await during(situation, async () => {
      const result = await client.login(options);
      await writeCcacheFile(cache.path, client.credentialCache(result));
      traceStored(login, result.credential);
      return result.credential;
    });
  } finally {
    client.dispose();
  }
}

function flagOptions(args: Arguments): LoginOptions {
  const either = (yes: string, no: string): boolean | undefined =>
    args.has(yes) ? true : args.has(no) ? false : undefined;
  return { forwardable: either('f', 'F'), proxiable: either('p', 'P') };
}

function parseService(text: string | undefined, client: Principal): Promise<Principal | undefined> {
  return during({ activity: 'while parsing service name' }, () =>
    text === undefined ? undefined : parsePrincipal(text, { defaultRealm: client.realm }),
  );
}

function traceStored({ cache, trace }: Login, { client, server }: Credential): void {
  const text = `Storing ${formatPrincipal(client)} -> ${formatPrincipal(server)} in FILE:${cache.path}`;
  trace?.({ event: 'ccache.store', text });
}

function findIdentity(login: Login): Promise<Identity> {
  const { args, io } = login;
  if (!args.has('t')) return args.has('k') ? keytabIdentity(login) : passwordIdentity(login);
  if (!args.has('k')) writeLine(io.stderr, 'keytab specified, forcing -k');
  return keytabIdentity(login);
}

async function passwordIdentity(login: Login): Promise<Identity> {
  const { args, io } = login;
  const principal =
    (await namedPrincipal(login)) ?? (await cachedPrincipal(login)) ?? (await userPrincipal(login));
  tell(login, `Using principal: ${formatPrincipal(principal)}`);
  const prompt = `Password for ${formatPrincipal(principal)}`;
  const ask = () => promptPassword(io, prompt, args.has('json'));
  return { principal, keySource: askedPassword(ask), password: true };
}

/** The principal on the command line. */
function namedPrincipal({ args, config }: Login): Promise<Principal | undefined> {
  const [name] = args.operands;
  return during({ activity: `when parsing name ${printable(name ?? '')}` }, () =>
    name === undefined ? undefined : parseName(name, config, { enterprise: args.has('E') }),
  );
}

/** Whose tickets are in the cache; undefined when there is no cache that can be read. */
async function cachedPrincipal({ cache }: Login): Promise<Principal | undefined> {
  try {
    return (await readCcacheFile(cache.path)).defaultPrincipal;
  } catch {
    return undefined;
  }
}

function userPrincipal({ config }: Login): Promise<Principal> {
  const { username } = currentUser();
  return during({ activity: `when parsing name ${username}` }, () => parseName(username, config));
}

/** A password that is asked for when the first key is needed: for an unknown account nobody has to type it. */
function askedPassword(ask: () => Promise<Uint8Array>): KeySource {
  let source: KeySource | undefined;
  return {
    etypes: (offered) => offered,
    async key(question) {
      if (source === undefined) {
        const password = await ask();
        source = passwordKeySource(password);
        wipe(password);
      }
      return source.key(question);
    },
    dispose: () => source?.dispose(),
  };
}

async function keytabIdentity(login: Login): Promise<Identity> {
  const { args, config, io } = login;
  const given = await namedPrincipal(login);
  return during({ activity: 'while getting initial credentials', client: given }, async () => {
    const name = args.value('t') ?? systemKeytabName(config, io.env);
    const entries = await readKeytabFile(keytabPath(name));
    const principal = given ?? hostPrincipal(entries, name, config);
    if (!entries.some((entry) => samePrincipal(entry.principal, principal))) {
      throw new CredentialError('ERR_KEYTAB_NO_KEY', `${name} has keys of: ${namesIn(entries)}`);
    }
    tell(login, `Using principal: ${formatPrincipal(principal)}`);
    tell(login, `Using keytab: ${name}`);
    return { principal, keySource: keytabKeySource(entries, principal), password: false };
  });
}

async function renew(login: Login): Promise<Credential> {
  const { cache, config, trace } = login;
  const given = await namedPrincipal(login);
  return during({ activity: 'while renewing credentials' }, async () => {
    const before = await readCcacheFile(cache.path);
    const principal = given ?? before.defaultPrincipal;
    tell(login, `Using principal: ${formatPrincipal(principal)}`);
    if (!samePrincipal(principal, before.defaultPrincipal))
      throw otherPrincipal(before.defaultPrincipal, principal);
    const client = await fromCcache({ config, ccache: `FILE:${cache.path}`, trace });
    const credential = await during({ activity: 'while renewing credentials', client: principal }, () =>
      client.renew(),
    );
    await writeCcacheFile(cache.path, { ...before, credentials: [credential], config: [] });
    traceStored(login, credential);
    return credential;
  });
}

function otherPrincipal(cached: Principal, wanted: Principal): CredentialError {
  const problem = `the cache holds tickets of ${formatPrincipal(cached)}, not of ${formatPrincipal(wanted)}`;
  return new CredentialError('ERR_NO_TICKET', problem);
}
