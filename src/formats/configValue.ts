/**
 * Typed values of relations in krb5.conf. What MIT krb5 refuses is a FormatError with its file and line; what it takes
 * for the default or for false without a word gives a notice besides.
 */
import { FormatError } from '../errors.js';
import { parseDurationPrefix } from './duration.js';
import type { Profile, ProfileNotice, ProfileRelation } from './profile.js';

/** Reads the relations of one section; a subsection named like the realm outranks the section itself. */
export class ConfigSection {
  readonly #profile: Profile;
  readonly #section: string;
  readonly #realm: string | undefined;
  readonly #notices: ProfileNotice[];

  constructor(profile: Profile, section: string, realm: string | undefined, notices: ProfileNotice[]) {
    this.#profile = profile;
    this.#section = section;
    this.#realm = realm;
    this.#notices = notices;
  }

  /** The relation that counts: the first one. */
  relation(name: string): ProfileRelation | undefined {
    const special =
      this.#realm === undefined ? undefined : this.#profile.relations(this.#section, this.#realm, name)[0];
    return special ?? this.#profile.relations(this.#section, name)[0];
  }

  text(name: string): string | undefined {
    return this.relation(name)?.value;
  }

  /** @throws FormatError ERR_KRB5_CONF when it is neither true nor false */
  boolean(name: string): boolean | undefined {
    const relation = this.relation(name);
    if (relation === undefined) return undefined;
    return parseBoolean(relation.value) ?? wrongValue(name, relation, 'true or false');
  }

  /** What is neither true nor false is false. */
  leniently(name: string): boolean | undefined {
    const relation = this.relation(name);
    if (relation === undefined) return undefined;
    const value = parseBoolean(relation.value);
    if (value === undefined) this.#notice(name, relation, 'is neither true nor false; taken for false');
    return value ?? false;
  }

  /** Seconds. @throws FormatError ERR_KRB5_CONF */
  duration(name: string): number | undefined {
    const relation = this.relation(name);
    if (relation === undefined) return undefined;
    const parsed = parseDurationPrefix(relation.value);
    if (parsed === undefined) return wrongValue(name, relation, 'a duration such as 300, 10h or 1d2h3m4s');
    if (parsed.rest !== '') {
      this.#notice(name, relation, `is taken for ${parsed.seconds} s; the rest says nothing`);
    }
    return parsed.seconds;
  }

  /** @throws FormatError ERR_KRB5_CONF */
  integer(name: string): number | undefined {
    const relation = this.relation(name);
    if (relation === undefined) return undefined;
    return parseInteger(relation.value) ?? wrongValue(name, relation, 'a whole number');
  }

  /** What is no number is as if it were not there. */
  integerOrDefault(name: string): number | undefined {
    const relation = this.relation(name);
    if (relation === undefined) return undefined;
    const value = parseInteger(relation.value);
    if (value === undefined) this.#notice(name, relation, 'is no whole number; the default is taken');
    return value;
  }

  #notice(name: string, { value, file, line }: ProfileRelation, problem: string): void {
    this.#notices.push({ file, line, text: `${name} ${shown(value)} ${problem}` });
  }
}

/** The words that MIT krb5 takes for true and false, in any case; undefined for others. */
export function parseBoolean(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (['y', 'yes', 'true', 't', '1', 'on'].includes(word)) return true;
  if (['n', 'no', 'false', 'nil', '0', 'off'].includes(word)) return false;
  return undefined;
}

/** A decimal number of 32 bits, perhaps behind blanks and a sign, as strtol takes it; undefined for others. */
export function parseInteger(text: string): number | undefined {
  const digits = /^[ \t\n\v\f\r]*([+-]?\d{1,32})$/.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const value = Number(digits);
  return value === (value | 0) ? value | 0 : undefined;
}

/** @throws FormatError ERR_KRB5_CONF, always: `name` must be `expected` */
export function wrongValue(name: string, { value, file, line }: ProfileRelation, expected: string): never {
  throw new FormatError('krb5.conf', `${name} must be ${expected}, not ${shown(value)}`, { file, line });
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, 128));
}
