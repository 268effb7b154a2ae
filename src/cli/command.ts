/** What a command is to the dispatcher, and what every command begins with. */
import { systemConfigFiles } from '../client/system.js';
import { CredentialError } from '../errors.js';
import { type Krb5Config, krb5ConfigFromProfile } from '../formats/krb5Config.js';
import { type ParsePrincipalOptions, type Principal, parsePrincipal } from '../formats/principal.js';
import { loadProfile } from '../stores/krb5ConfFiles.js';
import type { Trace } from '../trace.js';
import { during } from './failure.js';
import type { Io } from './io.js';
import type { Arguments, CommandSpec } from './options.js';
import { environmentTrace } from './traceFile.js';

/** A command module. */
export interface Command {
  readonly spec: CommandSpec;
  /** Does it; the exit status. */
  run(args: Arguments, io: Io): Promise<number>;
}

/** Configuration and trace of one run. */
export interface Session {
  readonly config: Krb5Config;
  readonly trace: Trace | undefined;
}

/** Reads what the environment variables name. `what` is initialised by MIT krb5's program of the same name. */
export async function startSession(io: Io, what = 'Kerberos 5 library'): Promise<Session> {
  const activity = `while initializing ${what}`;
  const profile = await during({ activity, parsing: true }, () => loadProfile(systemConfigFiles(io.env)));
  return during({ activity }, () => ({
    config: krb5ConfigFromProfile(profile),
    trace: environmentTrace(io),
  }));
}

/** Stands for "no realm given" while parsing; no realm can contain NUL. */
const NO_REALM = '\0';

/**
 * The principal that `text` names, in default_realm unless it says otherwise.
 * @throws FormatError ERR_PRINCIPAL_NAME, CredentialError ERR_NO_REALM
 */
export function parseName(text: string, config: Krb5Config, options: ParsePrincipalOptions = {}): Principal {
  const principal = parsePrincipal(text, { ...options, defaultRealm: config.defaultRealm ?? NO_REALM });
  if (principal.realm !== NO_REALM) return principal;
  throw new CredentialError(
    'ERR_NO_REALM',
    `${JSON.stringify(text)} has no realm; add @REALM, or set default_realm in [libdefaults] of krb5.conf`,
  );
}
