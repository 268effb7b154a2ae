/** Typed values of relations in krb5.conf. A value of the wrong kind is a FormatError with its file and line. */
import { FormatError } from '../errors.js';
import { parseDuration } from './duration.js';
import type { Profile, ProfileRelation } from './profile.js';

/** Reads the relations of one section; a subsection named like the realm outranks the section itself. */
export class ConfigSection {
  readonly #profile: Profile;
  readonly #section: string;
  readonly #realm: string | undefined;

  constructor(profile: Profile, section: string, realm: string | undefined) {
    this.#profile = profile;
    this.#section = section;
    this.#realm = realm;
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

  /** @throws FormatError ERR_KRB5_CONF */
  boolean(name: string): boolean | undefined {
    const relation = this.relation(name);
    if (relation === undefined) return undefined;
    return parseBoolean(relation.value) ?? wrongValue(name, relation, 'true or false');
  }

  /** Seconds. @throws FormatError ERR_KRB5_CONF */
  duration(name: string): number | undefined {
    const relation = this.relation(name);
    if (relation === undefined) return undefined;
    try {
      return parseDuration(relation.value);
    } catch {
      return wrongValue(name, relation, 'a duration such as 300, 10h or 1d2h3m4s');
    }
  }

  /** @throws FormatError ERR_KRB5_CONF */
  integer(name: string): number | undefined {
    const relation = this.relation(name);
    if (relation === undefined) return undefined;
    return /^-?\d{1,9}$/.test(relation.value)
      ? Number(relation.value)
      : wrongValue(name, relation, 'a whole number');
  }
}

/** The words that MIT krb5 takes for true and false, in any case; undefined for others. */
export function parseBoolean(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (['y', 'yes', 'true', 't', '1', 'on'].includes(word)) return true;
  if (['n', 'no', 'false', 'f', 'nil', '0', 'off'].includes(word)) return false;
  return undefined;
}

/** @throws FormatError ERR_KRB5_CONF, always: `name` must be `expected` */
export function wrongValue(name: string, { value, file, line }: ProfileRelation, expected: string): never {
  const shown = JSON.stringify(value.slice(0, 128));
  throw new FormatError('krb5.conf', `${name} must be ${expected}, not ${shown}`, { file, line });
}
