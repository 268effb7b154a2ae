/** The principals of one realm with their keys, and the realms that it trusts. All in memory. */
import { utf8, utf8Text } from '../bytes.js';
import { encryptionType, STRONG_ETYPES, SUPPORTED_ETYPES } from '../crypto/etypes.js';
import { Key } from '../crypto/key.js';
import { stringToKey } from '../crypto/stringToKey.js';
import type { Environment } from '../exchange/environment.js';
import { defaultSalt, principalOf } from '../exchange/principalName.js';
import { formatPrincipal, krbtgtPrincipal, type Principal, parsePrincipal } from '../formats/principal.js';
import type { PrincipalName } from '../messages/basic.js';

/** A user or service. Without `password` and `keys` it has random keys, as services have. */
export interface PrincipalOptions {
  readonly password?: string | undefined;
  /** Keys as they are, best first; `etypes` and `salt` say nothing then. */
  readonly keys?: readonly Key[] | undefined;
  /** Encryption types of the keys, best first; those of the realm unless given. */
  readonly etypes?: readonly number[] | undefined;
  /** Salt of the password; realm and name without separators unless given (RFC 4120 section 4). */
  readonly salt?: string | undefined;
  /** Key version number; 1 unless given. */
  readonly kvno?: number | undefined;
  /** Whether an AS-REQ must prove the key; true unless given. */
  readonly requiresPreauth?: boolean | undefined;
  /** The account has expired: KDC_ERR_NAME_EXP. */
  readonly expired?: boolean | undefined;
  /** The password has expired: KDC_ERR_KEY_EXPIRED for everything but kadmin/changepw. */
  readonly passwordExpired?: boolean | undefined;
  /** The account is locked: KDC_ERR_CLIENT_REVOKED. */
  readonly locked?: boolean | undefined;
  /** Longest life of its tickets, seconds; the realm's unless given. */
  readonly maxLifeSeconds?: number | undefined;
  /** Longest renewable life, seconds; the realm's unless given. */
  readonly maxRenewSeconds?: number | undefined;
  /** Whether its tickets can be forwarded; true unless given. */
  readonly forwardable?: boolean | undefined;
  /** Tickets for this service carry ok-as-delegate (RFC 4120 section 2.8). */
  readonly okAsDelegate?: boolean | undefined;
  /** Encryption types of session keys for this service; its keys' and aes256-cts-hmac-sha1-96 unless given. */
  readonly sessionEtypes?: readonly number[] | undefined;
}

/** A long-term key. */
export interface EntryKey {
  readonly key: Key;
  readonly salt: string;
}

/** One principal of the database. */
export interface PrincipalEntry {
  readonly principal: Principal;
  readonly kvno: number;
  /** Best first. */
  readonly keys: readonly EntryKey[];
  readonly options: PrincipalOptions;
}

/** Another realm that this one shares keys with. */
interface Trust {
  readonly database: PrincipalDatabase;
  /** krbtgt/THIS@OTHER: in tickets that the other realm issued. */
  readonly incoming: PrincipalEntry;
}

const CROSS_REALM_ETYPE = 18;

/** The database of one realm. */
export class PrincipalDatabase {
  readonly realm: string;
  readonly #environment: Environment;
  readonly #etypes: readonly number[];
  readonly #entries: Map<string, PrincipalEntry> = new Map();
  readonly #trusts: Map<string, Trust> = new Map();

  /** @throws RangeError for an encryption type that is not supported */
  constructor(realm: string, environment: Environment, etypes: readonly number[] = STRONG_ETYPES) {
    this.realm = realm;
    this.#environment = environment;
    this.#etypes = checkedEtypes(etypes);
    this.#enter(krbtgtPrincipal(realm), {});
    this.#enter(this.#parse('kadmin/changepw'), {});
  }

  /**
   * Enters a principal, in place of an older one of that name.
   * @param name `alice` or `HTTP/www.example.test`
   * @throws RangeError for an encryption type that is not supported; FormatError ERR_PRINCIPAL_NAME
   */
  async add(name: string, options: PrincipalOptions = {}): Promise<PrincipalEntry> {
    const principal = this.#parse(name);
    if (options.password === undefined) return this.#enter(principal, options);
    const salt = options.salt ?? utf8Text(defaultSalt(principal));
    const etypes = checkedEtypes(options.etypes ?? this.#etypes);
    const password = utf8(options.password);
    const keys = await Promise.all(
      etypes.map(async (etype) => ({ key: await stringToKey(etype, password, utf8(salt)), salt })),
    );
    return this.#store({ principal, kvno: options.kvno ?? 1, keys, options });
  }

  /** The entry of a name, with or without realm. */
  find(name: string | PrincipalName): PrincipalEntry | undefined {
    const principal = typeof name === 'string' ? this.#parse(name) : principalOf(name, this.realm);
    return principal.realm === this.realm ? this.#entries.get(indexOf(principal)) : undefined;
  }

  /** All principals. */
  entries(): readonly PrincipalEntry[] {
    return [...this.#entries.values()];
  }

  /** The realms that this one trusts. */
  trusted(): readonly PrincipalDatabase[] {
    return [...this.#trusts.values()].map(({ database }) => database);
  }

  /** The entry by whose key a ticket that `issuer` gave for a principal of this realm is opened. */
  ticketEntry(issuer: string, sname: PrincipalName): PrincipalEntry | undefined {
    if (issuer === this.realm) return this.find(sname);
    const ours = sname.nameString.join('/') === `krbtgt/${this.realm}`;
    return ours ? this.#trusts.get(issuer)?.incoming : undefined;
  }

  /** Makes cross-realm keys, one for each direction (RFC 4120 section 1.2). */
  trust(other: PrincipalDatabase): void {
    const outgoing = this.#enter(krbtgtPrincipal(this.realm, other.realm), { etypes: [CROSS_REALM_ETYPE] });
    const incoming = other.#enter(krbtgtPrincipal(other.realm, this.realm), { etypes: [CROSS_REALM_ETYPE] });
    this.#trusts.set(other.realm, { database: other, incoming });
    other.#trusts.set(this.realm, { database: this, incoming: outgoing });
  }

  /** The next realm on a shortest way to a realm that `wanted` accepts. */
  nextRealm(wanted: (database: PrincipalDatabase) => boolean): string | undefined {
    const seen = new Set<PrincipalDatabase>([this]);
    let front = this.trusted().map((database) => ({ database, first: database.realm }));
    while (front.length > 0) {
      const found = front.find(({ database }) => wanted(database));
      if (found !== undefined) return found.first;
      for (const { database } of front) seen.add(database);
      front = front.flatMap(({ database, first }) =>
        database
          .trusted()
          .filter((next) => !seen.has(next))
          .map((next) => ({ database: next, first })),
      );
    }
    return undefined;
  }

  /** A random key. */
  randomKey(etype: number): Key {
    return new Key(etype, this.#environment.randomBytes(encryptionType(etype).keyLength));
  }

  #parse(name: string): Principal {
    return parsePrincipal(name, { defaultRealm: this.realm });
  }

  #enter(principal: Principal, options: PrincipalOptions): PrincipalEntry {
    const salt = utf8Text(defaultSalt(principal));
    const keys =
      options.keys ?? checkedEtypes(options.etypes ?? this.#etypes).map((etype) => this.randomKey(etype));
    const entryKeys = keys.map((key) => ({ key, salt }));
    return this.#store({ principal, kvno: options.kvno ?? 1, keys: entryKeys, options });
  }

  #store(entry: PrincipalEntry): PrincipalEntry {
    if (entry.principal.realm !== this.realm) {
      throw new RangeError(
        `principals must be of the realm ${this.realm}, not ${formatPrincipal(entry.principal)}`,
      );
    }
    this.#entries.set(indexOf(entry.principal), entry);
    return entry;
  }
}

function indexOf(principal: Principal): string {
  return formatPrincipal(principal, { omitRealm: true });
}

function checkedEtypes(etypes: readonly number[]): readonly number[] {
  const unknown = etypes.find((etype) => !SUPPORTED_ETYPES.includes(etype));
  if (etypes.length === 0 || unknown !== undefined) {
    throw new RangeError(
      `etypes must name some of ${SUPPORTED_ETYPES.join(', ')}, not ${unknown ?? 'nothing'}`,
    );
  }
  return etypes;
}
