/** Tokens such as `%{uid}` in file names of krb5.conf (krb5.conf(5) "Parameter expansion"). */
import { FormatError } from '../errors.js';

/** What the tokens stand for; the caller knows the process and its environment. */
export interface PathTokenValues {
  readonly uid: number;
  readonly euid: number;
  readonly username: string;
  /** Directory for temporary files. */
  readonly temp: string;
  readonly home?: string | undefined;
  /** Directory of libraries; /usr/lib unless given. */
  readonly libDirectory?: string | undefined;
  /** Directory of programs; /usr/bin unless given. */
  readonly binDirectory?: string | undefined;
  /** Directory of administrators' programs; /usr/sbin unless given. */
  readonly sbinDirectory?: string | undefined;
}

/**
 * `text` with `%{uid}`, `%{USERID}`, `%{euid}`, `%{username}`, `%{TEMP}`, `%{HOME}`, `%{LIBDIR}`, `%{BINDIR}`,
 * `%{SBINDIR}` and `%{null}` replaced.
 * @throws FormatError ERR_KRB5_CONF for a token that is unknown or not closed
 */
export function expandPathTokens(text: string, values: PathTokenValues): string {
  const tokens: Readonly<Record<string, string | undefined>> = {
    uid: String(values.uid),
    USERID: String(values.uid),
    euid: String(values.euid),
    username: values.username,
    TEMP: values.temp,
    HOME: values.home,
    LIBDIR: values.libDirectory ?? '/usr/lib',
    BINDIR: values.binDirectory ?? '/usr/bin',
    SBINDIR: values.sbinDirectory ?? '/usr/sbin',
    null: '',
  };
  return text.replace(TOKEN, (token: string, name: string, close: string) => {
    const value = close === '' || !Object.hasOwn(tokens, name) ? undefined : tokens[name];
    if (value !== undefined) return value;
    throw new FormatError(
      'krb5.conf',
      `${JSON.stringify(token.slice(0, 64))} in a file name is none of ${KNOWN_TOKENS}`,
    );
  });
}

const TOKEN = /%\{([^}]*)(\}?)/g;
const KNOWN_TOKENS =
  '%{uid} %{euid} %{username} %{TEMP} %{HOME} %{USERID} %{LIBDIR} %{BINDIR} %{SBINDIR} %{null}';

/** Tokens in `text` that expandPathTokens does not know. */
export function unknownPathTokens(text: string): string[] {
  const tokens = [...text.matchAll(TOKEN)].map((match) => match[0]);
  return tokens.filter((token) => !KNOWN_TOKENS.split(' ').includes(token));
}
