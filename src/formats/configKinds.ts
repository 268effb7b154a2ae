/** Whether a value of krb5.conf is what its setting needs. */
import type { ConfigKey, ConfigKind } from './configKeys.js';
import { parseBoolean, parseInteger } from './configValue.js';
import { parseDurationPrefix } from './duration.js';
import { parseEtypeList } from './etypeList.js';
import { unknownPathTokens } from './pathTokens.js';
import { serverProblem } from './realmConfig.js';
import { isProxyUrl, parseServerAddress } from './serverAddress.js';

/** What is wrong with `value`; undefined when nothing is. */
export function valueProblem({ name, kind }: ConfigKey, value: string): string | undefined {
  const problem = PROBLEMS[kind](value);
  return problem === undefined ? undefined : `${name} ${problem}`;
}

const shown = (value: string): string => JSON.stringify(value.slice(0, 128));
const mustBe = (expected: string, value: string): string => `must be ${expected}, not ${shown(value)}`;

const PROBLEMS: Readonly<Record<ConfigKind, (value: string) => string | undefined>> = {
  boolean: (value) => (parseBoolean(value) === undefined ? mustBe('true or false', value) : undefined),
  booleanOrFallback: (value) =>
    value.toLowerCase() !== 'fallback' && parseBoolean(value) === undefined
      ? mustBe('true, false or fallback', value)
      : undefined,
  integer: (value) => (parseInteger(value) === undefined ? mustBe('a whole number', value) : undefined),
  numberOrBoolean: (value) =>
    parseInteger(value) === undefined && parseBoolean(value) === undefined
      ? mustBe('0 or 1', value)
      : undefined,
  duration: durationProblem,
  etypes: etypesProblem,
  server: (value) =>
    isProxyUrl(value) || parseServerAddress(value, 88) !== undefined ? undefined : serverProblem(value),
  path: pathProblem,
  text: () => undefined,
  group: (value) => mustBe('a { } group', value),
};

function durationProblem(value: string): string | undefined {
  const parsed = parseDurationPrefix(value);
  if (parsed === undefined) return mustBe('a duration such as 300, 10h or 1d2h3m4s', value);
  return parsed.rest === ''
    ? undefined
    : `${shown(value)} is taken for ${parsed.seconds} s; the rest says nothing`;
}

function etypesProblem(value: string): string | undefined {
  const { etypes, unknown } = parseEtypeList(value, {
    allowWeakCrypto: true,
    allowRc4: true,
    allowDes3: true,
  });
  if (unknown.length > 0) return `has unknown encryption types: ${shown(unknown.join(' '))}`;
  return etypes.length === 0 ? 'leaves no encryption type' : undefined;
}

function pathProblem(value: string): string | undefined {
  const unknown = unknownPathTokens(value);
  return unknown.length === 0 ? undefined : `has an unknown token: ${shown(unknown[0]!)}`;
}
