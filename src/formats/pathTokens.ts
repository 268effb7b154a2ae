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
}

/**
 * `text` with `%{uid}`, `%{USERID}`, `%{euid}`, `%{username}`, `%{TEMP}`, `%{HOME}` and `%{null}` replaced.
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
    null: '',
  };
  return text.replace(/%\{([^}]*)(\}?)/g, (token: string, name: string, close: string) => {
    const value = close === '' || !Object.hasOwn(tokens, name) ? undefined : tokens[name];
    if (value !== undefined) return value;
    const known = '%{uid} %{euid} %{username} %{TEMP} %{HOME} %{null}';
    throw new FormatError(
      'krb5.conf',
      `${JSON.stringify(token.slice(0, 64))} in a file name is none of ${known}`,
    );
  });
}
