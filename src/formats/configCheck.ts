/** What is wrong or without effect in krb5.conf: unknown, misplaced and ignored settings, bad values. */
import {
  CLIENT_SECTIONS,
  CONFIG_KEYS,
  type ConfigKey,
  findConfigKey,
  OBSOLETE_KEYS,
  SERVER_REALM_KEYS,
  SERVER_SECTIONS,
} from './configKeys.js';
import { valueProblem } from './configKinds.js';
import { parseBoolean } from './configValue.js';
import type { Profile, ProfilePlace, ProfileRelation, ProfileSection } from './profile.js';

/** Something to tell about a configuration. */
export interface ConfigFinding extends ProfilePlace {
  /** A `note` is no problem: the setting just does not concern this client. */
  readonly kind: 'syntax' | 'unknown' | 'misplaced' | 'ignored' | 'value' | 'note';
  readonly text: string;
}

/** All findings in `profile`, in the order of files and lines. */
export function checkConfig(profile: Profile): ConfigFinding[] {
  const checker = new Checker(profile);
  for (const file of profile.files) checker.file(file);
  const order = new Map<string, number>();
  for (const { file } of checker.findings) if (!order.has(file)) order.set(file, order.size);
  return checker.findings.sort((a, b) => order.get(a.file)! - order.get(b.file)! || a.line - b.line);
}

/** More of them help nobody. */
const MAX_FINDINGS = 1000;

class Checker {
  readonly #profile: Profile;
  readonly #relations: Map<string, ReadonlySet<ProfileRelation>> = new Map();
  readonly findings: ConfigFinding[];

  constructor(profile: Profile) {
    this.#profile = profile;
    this.findings = profile.notices.map((notice) => ({ ...notice, kind: 'syntax' }));
  }

  file(root: ProfileSection): void {
    for (const name of root.names()) {
      const section = root.subsection(name);
      if (section !== undefined) this.#section(name, section);
    }
  }

  #section(name: string, section: ProfileSection): void {
    if (name === 'libdefaults' || name === 'realms') this.#settings(name, section);
    else if (name === 'domain_realm') this.#domainRealm(section);
    else if (name === 'capaths') this.#capaths(section);
    else if (name === 'plugins') this.#at(section, 'note', '[plugins] is ignored: there are no plugins');
    else if (SERVER_SECTIONS.includes(name)) this.#at(section, 'note', `[${name}] does not concern clients`);
    else if (!CLIENT_SECTIONS.includes(name)) {
      this.#at(section, 'unknown', `section [${name}] is unknown${suggestion(name, CLIENT_SECTIONS)}`);
    }
  }

  /** [libdefaults] with its subsections for realms, or [realms] with a subsection for each. */
  #settings(name: 'libdefaults' | 'realms', section: ProfileSection): void {
    for (const [tag, relation] of relationsOf(section)) {
      if (name === 'libdefaults') this.#setting(['libdefaults', tag], relation);
      else this.#add(relation, 'misplaced', `${tag} stands outside the { } of a realm in [realms]`);
    }
    for (const [realm, group] of groupsOf(section)) {
      const key = name === 'libdefaults' ? findConfigKey(name, realm) : undefined;
      if (key !== undefined) this.#at(group, 'value', `${realm} must be a value, not a { } group`);
      for (const [tag, relation] of relationsOf(group)) this.#setting([name, realm, tag], relation);
      for (const [tag, inner] of groupsOf(group)) this.#innerGroup(name, tag, inner);
    }
  }

  #innerGroup(section: string, tag: string, group: ProfileSection): void {
    const key = findConfigKey(section, tag);
    if (key?.kind === 'group') this.#at(group, 'note', `${tag} is ignored: ${key.ignored}`);
    else if (key !== undefined) this.#at(group, 'value', `${tag} must be a value, not a { } group`);
    else this.#at(group, 'unknown', `${tag} = { } is unknown in [${section}]; perhaps a } is missing above`);
  }

  #setting(path: readonly string[], relation: ProfileRelation): void {
    const section = path[0]!;
    const name = path.at(-1)!;
    const key = findConfigKey(section, name);
    if (key === undefined) this.#unknown(section, name, relation);
    else if (section === 'libdefaults' && path.length > 2 && !key.perRealm) {
      this.#add(relation, 'misplaced', `${name} does not count for one realm; move it out of { }`);
    } else this.#known(path, key, relation);
  }

  #known(path: readonly string[], key: ConfigKey, relation: ProfileRelation): void {
    if (!key.many) this.#onlyFirst(path, relation);
    const problem = valueProblem(key, relation.value);
    if (problem !== undefined) this.#add(relation, 'value', problem);
    else this.#ignored(key, relation);
  }

  #unknown(section: string, name: string, relation: ProfileRelation): void {
    const other = CONFIG_KEYS.find((key) => key.name === name);
    if (other !== undefined) {
      const where = other.section === 'realms' ? 'the { } of a realm in [realms]' : '[libdefaults]';
      this.#add(relation, 'misplaced', `${name} belongs in ${where}`);
    } else if (SERVER_REALM_KEYS.includes(name)) {
      this.#add(relation, 'note', `${name} does not concern clients`);
    } else if (OBSOLETE_KEYS.includes(name)) {
      this.#add(relation, 'note', `${name} is obsolete; nothing reads it any more`);
    } else {
      const names = CONFIG_KEYS.filter((key) => key.section === section).map((key) => key.name);
      this.#add(relation, 'unknown', `${name} is unknown in [${section}]${suggestion(name, names)}`);
    }
  }

  #ignored(key: ConfigKey, relation: ProfileRelation): void {
    if (key.ignored === undefined) return;
    if (key.agrees !== undefined && parseBoolean(relation.value) === key.agrees) return;
    this.#add(relation, key.harmless ? 'note' : 'ignored', `${key.name} is ignored: ${key.ignored}`);
  }

  /** A later relation of the same name: a slip in one file, custom between files. */
  #onlyFirst(path: readonly string[], relation: ProfileRelation): void {
    const id = path.join('\0');
    const known = this.#relations.get(id) ?? new Set(this.#profile.relations(...path));
    this.#relations.set(id, known);
    const [first] = known;
    if (first === undefined || first === relation) return;
    const why = known.has(relation) ? 'comes first' : 'is final';
    const kind = first.file === relation.file ? 'ignored' : 'note';
    this.#add(relation, kind, `${path.at(-1)} is ignored: ${first.file}, line ${first.line}, ${why}`);
  }

  #domainRealm(section: ProfileSection): void {
    for (const [name, relation] of relationsOf(section)) {
      this.#onlyFirst(['domain_realm', name], relation);
      if (/[A-Z]/.test(name)) this.#add(relation, 'value', `${name} must be in lower case to match anything`);
      if (name === '') this.#add(relation, 'value', 'a name that starts with * is empty; write .domain');
    }
    for (const [name, group] of groupsOf(section)) {
      this.#at(group, 'misplaced', `${name} = { } means nothing in [domain_realm]`);
    }
  }

  #capaths(section: ProfileSection): void {
    for (const [name, relation] of relationsOf(section)) {
      this.#add(relation, 'misplaced', `${name} stands outside the { } of a client realm in [capaths]`);
    }
    for (const [client, group] of groupsOf(section)) {
      for (const server of group.names()) {
        const [first, ...more] = this.#profile.relations('capaths', client, server);
        if (first?.value.startsWith('.') !== true) continue;
        for (const relation of more) {
          this.#add(
            relation,
            'ignored',
            `${server} is ignored: line ${first.line} says that it is reached directly`,
          );
        }
      }
    }
  }

  #at(section: ProfileSection, kind: ConfigFinding['kind'], text: string): void {
    const place = section.places[0];
    if (place !== undefined) this.#add(place, kind, text);
  }

  #add({ file, line }: ProfilePlace, kind: ConfigFinding['kind'], text: string): void {
    if (this.findings.length < MAX_FINDINGS) this.findings.push({ file, line, kind, text });
  }
}

function relationsOf(section: ProfileSection): [string, ProfileRelation][] {
  return section.names().flatMap((name) => {
    return section.relations(name).map((relation): [string, ProfileRelation] => [name, relation]);
  });
}

function groupsOf(section: ProfileSection): [string, ProfileSection][] {
  return section.names().flatMap((name): [string, ProfileSection][] => {
    const group = section.subsection(name);
    return group === undefined ? [] : [[name, group]];
  });
}

/** The name that was probably meant. */
function suggestion(name: string, known: readonly string[]): string {
  const near = known.find((candidate) => plain(candidate) === plain(name) || isNear(candidate, name));
  return near === undefined ? '' : `; is ${near} meant?`;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}

/** Whether one character more, less or other makes one name the other. */
function isNear(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  return restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1);
}
