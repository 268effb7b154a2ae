/**
 * What this machine provides: clock, randomness, and the names in KRB5_CONFIG, KRB5CCNAME and KRB5_KTNAME. The only
 * place of the library that reads environment variables.
 */
import { tmpdir, userInfo } from 'node:os';
import { defaultPrimitives } from '../crypto/defaultPrimitives.js';
import type { Environment } from '../exchange/environment.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { expandPathTokens } from '../formats/pathTokens.js';
import { DEFAULT_KRB5_CONF_FILES, loadKrb5Config } from '../stores/krb5ConfFiles.js';

/** Environment variables by name. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * This machine's clock and random numbers. No two calls of `nowMs` in this process give the same microsecond, and hardly
 * two processes do; a clock that was set back is followed.
 */
export function systemEnvironment(): Environment {
  const primitives = defaultPrimitives();
  return {
    nowMs: () => uniqueMicroseconds() / 1000,
    randomBytes: (count) => primitives.randomBytes(count),
  };
}

/** Microseconds since 1970 that the last call gave. */
let last = 0;

/** A clock set back by less than this is waited for, so that no time comes twice. */
const MOST_AHEAD_MICROSECONDS = 1_000_000;

/** Date.now() counts milliseconds; the microseconds come from the clock that all processes of this machine share. */
function uniqueMicroseconds(): number {
  const now = Date.now() * 1000 + Number((process.hrtime.bigint() / 1000n) % 1000n);
  last = now > last || last - now > MOST_AHEAD_MICROSECONDS ? now : last + 1;
  return last;
}

/**
 * The environment; empty in a program that runs with more rights than whoever started it (setuid, setgid), for then a
 * stranger chose it. MIT krb5 does the same (secure_getenv).
 */
function trustedVariables(): Variables {
  const sameUser = process.getuid?.() === process.geteuid?.();
  const sameGroup = process.getgid?.() === process.getegid?.();
  return sameUser && sameGroup ? process.env : {};
}

/**
 * The configuration that KRB5_CONFIG names (several files separated by colons), else /etc/krb5.conf.
 * @throws FormatError ERR_KRB5_CONF
 */
export function systemConfig(variables: Variables = trustedVariables()): Krb5Config {
  return loadKrb5Config({ files: systemConfigFiles(variables) });
}

/** Paths of the configuration files, whether they are there or not; `~/` is the home directory, as in MIT krb5. */
export function systemConfigFiles(variables: Variables = trustedVariables()): readonly string[] {
  if (variables.KRB5_CONFIG === undefined) return DEFAULT_KRB5_CONF_FILES;
  const separator = process.platform === 'win32' ? ';' : ':';
  const files = variables.KRB5_CONFIG.split(separator).filter((file) => file !== '');
  return files.map((file) => {
    return file.startsWith('~/') ? (variables.HOME ?? currentUser().homedir) + file.slice(1) : file;
  });
}

/** Name of the credential cache: KRB5CCNAME, else default_ccache_name, else FILE:/tmp/krb5cc_UID as MIT krb5. */
export function systemCcacheName(config: Krb5Config, variables: Variables = trustedVariables()): string {
  const name = variables.KRB5CCNAME || config.defaultCcacheName || 'FILE:/tmp/krb5cc_%{uid}';
  return expandPathTokens(name, pathTokens(variables));
}

/** Name of the keytab: KRB5_KTNAME, else default_keytab_name, else FILE:/etc/krb5.keytab as MIT krb5. */
export function systemKeytabName(config: Krb5Config, variables: Variables = trustedVariables()): string {
  const name = variables.KRB5_KTNAME || config.defaultKeytabName || 'FILE:/etc/krb5.keytab';
  return expandPathTokens(name, pathTokens(variables));
}

/** Name of the client keytab: KRB5_CLIENT_KTNAME, else default_client_keytab_name, else as Debian builds MIT krb5. */
export function systemClientKeytabName(
  config: Krb5Config,
  variables: Variables = trustedVariables(),
): string {
  const name = variables.KRB5_CLIENT_KTNAME || config.defaultClientKeytabName || CLIENT_KEYTAB;
  return expandPathTokens(name, pathTokens(variables));
}

const CLIENT_KEYTAB = 'FILE:/etc/krb5/user/%{euid}/client.keytab';

function pathTokens(variables: Variables): Parameters<typeof expandPathTokens>[1] {
  const { username, homedir } = currentUser();
  return {
    uid: process.getuid?.() ?? 0,
    euid: process.geteuid?.() ?? 0,
    username,
    temp: process.platform === 'win32' ? tmpdir() : (variables.TMPDIR ?? '/tmp'),
    home: homedir,
  };
}

/** Account of this process; a uid without an account (containers) gives its number. */
export function currentUser(): { readonly username: string; readonly homedir: string } {
  try {
    return userInfo();
  } catch {
    return { username: String(process.getuid?.() ?? 'user'), homedir: '/' };
  }
}
