/** The options by which kinit and exec say who logs in and what for; parsed alike. */

import { wipe } from '../bytes.js';
import { checkRealm } from '../client/arguments.js';
import { type KeySource, passwordKeySource } from '../client/keySource.js';
import { keytabFileKeySource, openKeytab } from '../client/keytabFileKeys.js';
import type { LoginOptions } from '../client/request.js';
import { currentUser, systemClientKeytabName, systemKeytabName } from '../client/system.js';
import { CredentialError } from '../errors.js';
import { keytabPath } from '../formats/ccacheName.js';
import { parseDuration } from '../formats/duration.js';
import type { KeytabEntry } from '../formats/keytab.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { formatPrincipal, type Principal, parsePrincipal, samePrincipal } from '../formats/principal.js';
import { parseName } from './command.js';
import { during } from './failure.js';
import { type Identity, localAddresses } from './initialTicket.js';
import { type Io, printable, writeLine } from './io.js';
import { hostPrincipal, namesIn } from './keytabPrincipal.js';
import { type Arguments, type Option, UsageError } from './options.js';
import { promptPassword } from './passwordPrompt.js';
import { parseStartTime } from './startTime.js';

/** What both commands have. */
export const LOGIN_OPTIONS: readonly Option[] = [
  { letter: 'l', value: 'lifetime', text: 'ask for this lifetime: 300, 10h, 1d2h3m4s or 1:30:15' },
  { letter: 'r', value: 'renewable_life', text: 'ask for a ticket that can be renewed for so long' },
  { letter: 'f', word: 'forwardable', text: 'ask for a forwardable ticket' },
  { letter: 'F', word: 'noforwardable', text: 'ask for a ticket that is not forwardable' },
  { letter: 'p', word: 'proxiable', text: 'ask for a proxiable ticket' },
  { letter: 'P', word: 'noproxiable', text: 'ask for a ticket that is not proxiable' },
  { letter: 'a', word: 'addresses', text: 'ask for a ticket bound to the addresses of this machine' },
  {
    letter: 'A',
    word: 'noaddresses',
    text: 'ask for a ticket without addresses; the default unless noaddresses is false',
  },
  { letter: 'C', word: 'canonicalize', text: 'let the KDC replace the name by the canonical one' },
  { letter: 'E', word: 'enterprise', text: 'the principal is an enterprise name, such as alice@example.com' },
  { word: 'request-pac', text: 'ask for a ticket with a PAC; the KDC decides unless told' },
  { word: 'no-request-pac', text: 'ask for a ticket without a PAC' },
  { letter: 'k', text: 'take the key from a keytab; host/HOSTNAME unless a principal is given' },
  {
    letter: 'i',
    within: 'k',
    text: 'take the key from the client keytab, by default of its first principal',
  },
  { letter: 't', value: 'keytab', within: 'k', text: 'keytab to take the key from' },
];

export const LOGIN_EXCLUSIVE: readonly (readonly [string, string])[] = [
  ['f', 'F'],
  ['p', 'P'],
  ['a', 'A'],
  ['request-pac', 'no-request-pac'],
  ['t', 'i'],
];

/** Lifetimes, flags and addresses. @throws UsageError */
export function ticketWishes(args: Arguments): LoginOptions {
  const either = (yes: string, no: string): boolean | undefined =>
    args.has(yes) ? true : args.has(no) ? false : undefined;
  return {
    lifetimeSeconds: seconds(args, 'l', 'lifetime'),
    renewLifetimeSeconds: seconds(args, 'r', 'lifetime'),
    startSeconds: startSeconds(args),
    forwardable: either('f', 'F'),
    proxiable: either('p', 'P'),
    requestPac: either('request-pac', 'no-request-pac'),
  };
}

function seconds(args: Arguments, letter: string, what: string): number | undefined {
  const text = args.value(letter);
  if (text === undefined) return undefined;
  try {
    const duration = parseDuration(text);
    if (duration > 0) return duration;
  } catch {
    // told below as MIT tells it
  }
  throw new UsageError(`Bad ${what} value ${printable(text)}`);
}

function startSeconds(args: Arguments): number | undefined {
  const text = args.value('s');
  if (text === undefined) return undefined;
  const problem = `Bad start time value ${printable(text)}`;
  let start: number;
  try {
    start = parseStartTime(text, Math.floor(Date.now() / 1000));
  } catch {
    throw new UsageError(problem);
  }
  if (start > 0) return start;
  throw new UsageError(start < 0 ? `${problem}; it has passed` : problem);
}

/** Addresses to ask for, if any. */
export function wantedAddresses(args: Arguments, config: Krb5Config): LoginOptions['addresses'] {
  if (args.has('A')) return undefined;
  return args.has('a') || !config.noaddresses ? localAddresses() : undefined;
}

/** What -S names, in the client's realm unless it says otherwise. */
export function parseService(text: string | undefined, client: Principal): Promise<Principal | undefined> {
  return during({ activity: 'while parsing service name' }, () =>
    text === undefined ? undefined : parsePrincipal(text, { defaultRealm: client.realm }),
  );
}

/** The principal among the operands. */
export function namedPrincipal(
  name: string | undefined,
  args: Arguments,
  config: Krb5Config,
): Promise<Principal | undefined> {
  return during({ activity: `when parsing name ${printable(name ?? '')}` }, () => {
    if (name === undefined) return undefined;
    const principal = parseName(name, config, { enterprise: args.has('E') });
    checkRealm(principal, name);
    return principal;
  });
}

/** The account that runs this process, as a principal. */
export function userPrincipal(args: Arguments, config: Krb5Config): Promise<Principal> {
  const { username } = currentUser();
  return during({ activity: `when parsing name ${username}` }, () =>
    parseName(username, config, { enterprise: args.has('E') }),
  );
}

/** Whether the key comes from a keytab; tells when the options say so only in effect. */
export function usesKeytab(args: Arguments, io: Io): boolean {
  if (args.has('k')) return true;
  if (!args.has('t') && !args.has('i')) return false;
  writeLine(io.stderr, 'keytab specified, forcing -k');
  return true;
}

/** A password that is asked for when the first key is needed: for an unknown account nobody has to type it. */
export function passwordIdentity(principal: Principal, args: Arguments, io: Io): Identity {
  const prompt = `Password for ${formatPrincipal(principal)}`;
  let source: KeySource | undefined;
  const keySource: KeySource = {
    etypes: (offered) => offered,
    async key(question) {
      if (source === undefined) {
        const password = await promptPassword(io, prompt, args.has('json'));
        source = passwordKeySource(password);
        wipe(password);
      }
      return source.key(question);
    },
    dispose: () => source?.dispose(),
  };
  return { principal, keySource, password: true };
}

/** A keytab and whom of it. */
export interface KeytabIdentity extends Identity {
  /** As given or configured. */
  readonly keytab: string;
}

/** The identity that -k, -t and -i mean. */
export function keytabIdentity(
  given: Principal | undefined,
  args: Arguments,
  config: Krb5Config,
  io: Io,
): Promise<KeytabIdentity> {
  const client = args.has('i');
  const activity =
    client && given === undefined
      ? 'When determining client principal name from keytab'
      : 'while getting initial credentials';
  return during({ activity, client: given }, async () => {
    const name =
      args.value('t') ?? (client ? systemClientKeytabName(config, io.env) : systemKeytabName(config, io.env));
    const file = await openKeytab(keytabPath(name));
    const { entries } = file;
    const principal =
      given ?? (client ? firstPrincipal(entries, name) : hostPrincipal(entries, name, config));
    if (!entries.some((entry) => samePrincipal(entry.principal, principal))) {
      throw new CredentialError('ERR_KEYTAB_NO_KEY', `${name} has keys of: ${namesIn(entries)}`);
    }
    return { principal, keySource: keytabFileKeySource(file, principal), password: false, keytab: name };
  });
}

function firstPrincipal(entries: readonly KeytabEntry[], name: string): Principal {
  const [first] = entries;
  if (first !== undefined) return first.principal;
  throw new CredentialError('ERR_KEYTAB_NO_KEY', `keytab ${name} is empty; add keys with krb5 keytab add`);
}
