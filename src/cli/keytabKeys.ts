/** The keys that `krb5 keytab add` adds: of a password, with the KDC's salt or a given one, or a key itself. */
import { utf8, wipe } from '../bytes.js';
import { passwordKeySource } from '../client/keySource.js';
import { offeredEtypes } from '../client/policy.js';
import { Key } from '../crypto/key.js';
import { stringToKey } from '../crypto/stringToKey.js';
import { CredentialError } from '../errors.js';
import type { KeyInfo } from '../exchange/keyInfo.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { fetchTicket } from './cachedTickets.js';
import type { Session } from './command.js';
import { outerTicket } from './credentialText.js';
import { during } from './failure.js';
import { initialTicket } from './initialTicket.js';
import type { Io } from './io.js';
import { keyQuestions } from './keyQuestions.js';
import { type Arguments, UsageError } from './options.js';
import { promptPassword } from './passwordPrompt.js';

/** What keys to make, and of whom. */
export interface KeyWishes extends Session {
  readonly principal: Principal;
  readonly args: Arguments;
  readonly io: Io;
  /** Version, when it is given. */
  readonly kvno: number | undefined;
  /** Encryption types, when they are given. */
  readonly etypes: readonly number[] | undefined;
}

/** Keys with their version. */
export interface VersionedKeys {
  readonly kvno: number;
  readonly keys: readonly Key[];
}

/** Asks for a key in hexadecimal digits. It is never an argument, for those can be seen by everybody. */
export async function typedKey({ principal, args, io, kvno, etypes }: KeyWishes): Promise<VersionedKeys> {
  const [etype, another] = etypes ?? [];
  if (etype === undefined || another !== undefined || kvno === undefined) {
    throw new UsageError('--key needs the one encryption type of the key (-e) and its version (-k)');
  }
  if (args.has('s')) throw new UsageError('Only one of --key and -s allowed');
  const typed = await promptPassword(io, `Key for ${formatPrincipal(principal)} (hex)`, args.has('json'));
  const octets = hexOctets(typed);
  wipe(typed);
  try {
    const key = new Key(etype, octets);
    // Which fails for a key of another length.
    await during({ activity: 'while reading the key' }, () => key.checksumType);
    return { kvno, keys: [key] };
  } finally {
    wipe(octets);
  }
}

/** The octets that the text's digits name; no string of them is made, for it could not be wiped. */
function hexOctets(text: Uint8Array): Uint8Array {
  const digits = text.filter((octet) => octet !== 0x20 && octet !== 0x09).map(hexDigit);
  const bad = digits.length % 2 !== 0 || digits.includes(NO_DIGIT);
  const octets = Uint8Array.from({ length: bad ? 0 : digits.length / 2 }, (_, i) => {
    return digits[2 * i]! * 16 + digits[2 * i + 1]!;
  });
  wipe(digits);
  if (bad) throw new CredentialError('ERR_NO_KEY', 'the key must be an even number of hexadecimal digits');
  return octets;
}

const NO_DIGIT = 0xff;

function hexDigit(octet: number): number {
  const digit = Number.parseInt(String.fromCharCode(octet), 16);
  return Number.isNaN(digit) ? NO_DIGIT : digit;
}

/** Asks for a password, after asking the KDC for what it needs to be told first. */
export async function passwordKeys(wishes: KeyWishes): Promise<VersionedKeys> {
  const { principal, args, io } = wishes;
  const infos = await keyInfos(wishes);
  const password = await promptPassword(io, `Password for ${formatPrincipal(principal)}`, args.has('json'));
  try {
    const kvno = wishes.kvno ?? (await currentVersion(wishes, password));
    const keys = await Promise.all(
      infos.map(({ etype, salt, s2kparams }) => stringToKey(etype, password, salt, s2kparams)),
    );
    return { kvno, keys };
  } finally {
    wipe(password);
  }
}

/** How the keys are made: with the salt given, else as the KDC says. */
function keyInfos(wishes: KeyWishes): Promise<KeyInfo[]> {
  const { principal, args, config } = wishes;
  const etypes = wishes.etypes ?? offeredEtypes(config, 'AS');
  const salt = args.value('s');
  return during({ activity: 'while asking the KDC for the salt', client: principal }, async () =>
    salt === undefined
      ? keyQuestions(principal, etypes, args.has('e'), wishes)
      : etypes.map((etype) => ({ etype, salt: utf8(salt), s2kparams: undefined })),
  );
}

/**
 * The version that the KDC has, by a login, which also proves the password. Where the reply does not tell it, as MIT
 * krb5's, a ticket for the principal itself does, for it is encrypted in the same key.
 */
function currentVersion(wishes: KeyWishes, password: Uint8Array): Promise<number> {
  const { principal } = wishes;
  const keySource = passwordKeySource(password);
  const situation = { activity: 'while getting the key version', client: principal, password: true };
  return during(situation, async () => {
    const { keyVersion, credential } = await initialTicket({ principal, keySource }, wishes, {});
    const kvno = keyVersion ?? (await ownTicketVersion(wishes, credential));
    if (kvno !== undefined) return kvno;
    throw new UsageError('the KDC does not tell the version of the key; give it with -k');
  }).finally(() => keySource.dispose());
}

async function ownTicketVersion(session: Session, tgt: Credential): Promise<number | undefined> {
  const cache = { version: 4, defaultPrincipal: tgt.client, credentials: [tgt], config: [] } as const;
  const ticket = await fetchTicket(cache, tgt.client, session).catch(() => undefined);
  return ticket === undefined ? undefined : outerTicket(ticket)?.encPart.kvno;
}
