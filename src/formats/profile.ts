/**
 * The tree that krb5.conf files make up (MIT krb5, profile library): sections with subsections and relations, and how
 * several files answer together.
 */

/** Where something stands in a file. */
export interface ProfilePlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** `name = value` with its place. */
export interface ProfileRelation extends ProfilePlace {
  readonly value: string;
}

/** Something that was read over, worth telling the user. */
export interface ProfileNotice extends ProfilePlace {
  readonly text: string;
}

/** A section or subsection of one file; repeated ones of a name are one. */
export class ProfileSection {
  /** Marked with `*`: nothing later adds to it. */
  final = false;
  /** Where it starts, each time. */
  readonly places: ProfilePlace[] = [];
  readonly #subsections: Map<string, ProfileSection> = new Map();
  readonly #relations: Map<string, ProfileRelation[]> = new Map();
  #finalRelations: Set<string> | undefined;

  subsection(name: string): ProfileSection | undefined {
    return this.#subsections.get(name);
  }

  /** The subsection `name`, made when there is none. */
  openSubsection(name: string): ProfileSection {
    const known = this.#subsections.get(name);
    if (known !== undefined) return known;
    const made = new ProfileSection();
    this.#subsections.set(name, made);
    return made;
  }

  relations(name: string): readonly ProfileRelation[] {
    return this.#relations.get(name) ?? [];
  }

  isFinalRelation(name: string): boolean {
    return this.#finalRelations?.has(name) === true;
  }

  /** Adds a relation, unless something of the same name was marked final: then false. */
  add(name: string, relation: ProfileRelation, final: boolean): boolean {
    if (this.isFinalRelation(name) || this.#subsections.get(name)?.final === true) return false;
    const known = this.#relations.get(name);
    if (known === undefined) this.#relations.set(name, [relation]);
    else known.push(relation);
    if (final) {
      this.#finalRelations ??= new Set();
      this.#finalRelations.add(name);
    }
    return true;
  }

  /** Names of subsections, then of relations, in file order. */
  names(): string[] {
    return [...new Set([...this.#subsections.keys(), ...this.#relations.keys()])];
  }
}

/** What one or more files say. Files are asked in order; something final in one silences the later ones. */
export class Profile {
  readonly #files: readonly ProfileSection[];
  /** What was read over. */
  readonly notices: readonly ProfileNotice[];

  constructor(files: readonly ProfileSection[] = [], notices: readonly ProfileNotice[] = []) {
    this.#files = files;
    this.notices = notices;
  }

  /** The root of each file. */
  get files(): readonly ProfileSection[] {
    return this.#files;
  }

  /** The first value of the relation at `path`, such as `get('libdefaults', 'default_realm')`. */
  get(...path: readonly string[]): string | undefined {
    return this.relations(...path)[0]?.value;
  }

  /** All values of the relation at `path`, in order. */
  all(...path: readonly string[]): string[] {
    return this.relations(...path).map((relation) => relation.value);
  }

  /** The relations at `path` with their places. */
  relations(...path: readonly string[]): ProfileRelation[] {
    const name = path.at(-1);
    if (name === undefined) return [];
    const found: ProfileRelation[] = [];
    for (const section of this.#sections(path.slice(0, -1))) {
      for (const relation of section.relations(name)) found.push(relation);
      if (section.isFinalRelation(name)) break;
    }
    return found;
  }

  /** Names of the subsections and relations in the section at `path`, each once. */
  names(...path: readonly string[]): string[] {
    return [...new Set(this.#sections(path).flatMap((section) => section.names()))];
  }

  /** The section at `path` in each file that has it, up to the file where it or one around it is final. */
  #sections(path: readonly string[]): ProfileSection[] {
    const found: ProfileSection[] = [];
    for (const file of this.#files) {
      let section: ProfileSection | undefined = file;
      let final = false;
      for (const name of path) {
        section = section.subsection(name);
        if (section === undefined) break;
        final ||= section.final;
      }
      if (section !== undefined) found.push(section);
      if (final) break;
    }
    return found;
  }
}
