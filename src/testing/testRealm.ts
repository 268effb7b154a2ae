/**
 * A Kerberos realm in this process, for tests and demonstrations: a KDC on loopback ports, keytabs, krb5.conf, and acceptors
 * for services. It needs neither root nor other programs. Its database lives in memory and dies with the process.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '../bytes.js';
import { systemEnvironment } from '../client/system.js';
import type { Environment } from '../exchange/environment.js';
import { encodeKeytab, type KeytabEntry } from '../formats/keytab.js';
import { parseKrb5Conf } from '../formats/krb5Conf.js';
import { type Krb5Config, krb5ConfigFromProfile } from '../formats/krb5Config.js';
import { formatPrincipal } from '../formats/principal.js';
import { Acceptor, type AcceptorOptions } from './acceptor.js';
import type { FaultScene } from './faults/fault.js';
import { faultOf } from './faults.js';
import type { KdcHooks, Wire } from './hooks.js';
import { answer } from './kdc.js';
import type { KdcContext } from './kdcContext.js';
import { KdcServer } from './kdcServer.js';
import {
  type NegotiateClient,
  type NegotiateRequest,
  type NegotiateResponse,
  negotiateHandler,
} from './negotiateHandler.js';
import { PrincipalDatabase, type PrincipalEntry, type PrincipalOptions } from './principalDatabase.js';
import { formatRealmConf } from './realmConf.js';

/** How to set up a realm. */
export interface TestRealmOptions {
  /** EXAMPLE.TEST unless given. */
  readonly realm?: string | undefined;
  /** Users and services by name, such as `alice` and `HTTP/localhost`. */
  readonly principals?: Readonly<Record<string, PrincipalOptions>> | undefined;
  /** Encryption types of keys, best first; 18, 17, 20, 19 unless given. 23 (RC4) is for clients with `allow_rc4`. */
  readonly etypes?: readonly number[] | undefined;
  /** The realm's clock, milliseconds since 1970; this machine's unless given. */
  readonly nowMs?: (() => number) | undefined;
  /** Largest difference of clocks, seconds; 300 unless given. */
  readonly skewSeconds?: number | undefined;
  /** Longest life of tickets, seconds; 10 h unless given. */
  readonly maxLifeSeconds?: number | undefined;
  /** Longest renewable life, seconds; 7 d unless given. */
  readonly maxRenewSeconds?: number | undefined;
  /** Longer replies over UDP become KRB_ERR_RESPONSE_TOO_BIG; 4096 octets unless given. */
  readonly maxUdpReplyOctets?: number | undefined;
  /** Name of a fault to play from the start; see `setFault`. */
  readonly fault?: string | undefined;
  /** More lines of [libdefaults] in krb5.conf, such as `{ forwardable: 'true' }`. */
  readonly libdefaults?: Readonly<Record<string, string>> | undefined;
}

const DEFAULTS = {
  realm: 'EXAMPLE.TEST',
  skewSeconds: 300,
  maxLifeSeconds: 10 * 3600,
  maxRenewSeconds: 7 * 86_400,
  maxUdpReplyOctets: 4096,
} as const;

/** A realm that is running. End it with `stop()`, or declare it with `await using`. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the static block defines what the interface declares
export class TestRealm {
  /** Its name. */
  readonly realm: string;
  readonly #kdc: KdcContext;
  readonly #options: TestRealmOptions;
  readonly #folder: string;
  readonly #peers: Map<string, TestRealm> = new Map();
  #server: KdcServer | undefined;
  #port = 0;

  static {
    // A method with a computed name could not be declared under isolatedDeclarations.
    Object.defineProperty(TestRealm.prototype, Symbol.asyncDispose, {
      value(this: TestRealm): Promise<void> {
        return this.stop();
      },
    });
  }

  private constructor(options: TestRealmOptions, kdc: KdcContext) {
    this.realm = kdc.database.realm;
    this.#kdc = kdc;
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'krb5-test-realm-'));
  }

  /**
   * Starts a realm on a free port.
   * @throws RangeError for an encryption type that is not supported or a fault that is not in the list; FormatError
   *   ERR_PRINCIPAL_NAME
   */
  static async start(options: TestRealmOptions = {}): Promise<TestRealm> {
    const environment = environmentOf(options.nowMs);
    const { realm = DEFAULTS.realm, principals = {} } = options;
    const database = new PrincipalDatabase(realm, environment, options.etypes);
    const entries = Object.entries(principals);
    await Promise.all(entries.map(([name, settings]) => database.add(name, settings)));
    const started = new TestRealm(options, {
      database,
      environment,
      skewSeconds: options.skewSeconds ?? DEFAULTS.skewSeconds,
      maxLifeSeconds: options.maxLifeSeconds ?? DEFAULTS.maxLifeSeconds,
      maxRenewSeconds: options.maxRenewSeconds ?? DEFAULTS.maxRenewSeconds,
      hooks: {},
    });
    await started.#begin(options.fault);
    return started;
  }

  /** `127.0.0.1:port` of the KDC. */
  get kdc(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** A client's krb5.conf; knows the trusted realms too. */
  get krb5Conf(): string {
    return formatRealmConf({
      realm: this.realm,
      kdcs: new Map([...this.#reachable()].map(({ realm, kdc }) => [realm, kdc])),
      hosts: hostsOf(this.#kdc.database),
      libdefaults: this.#options.libdefaults ?? {},
    });
  }

  /** Path of `krb5Conf` as a file, for KRB5_CONFIG. Removed by `stop()`. */
  get krb5ConfFile(): string {
    return this.#writeConf();
  }

  /** The configuration for this library's clients. */
  get config(): Krb5Config {
    return krb5ConfigFromProfile(parseKrb5Conf([{ file: 'krb5.conf', text: this.krb5Conf }]));
  }

  /** Enters a principal, or changes one: its password, keys or state. */
  async addPrincipal(name: string, options: PrincipalOptions = {}): Promise<void> {
    await this.#kdc.database.add(name, options);
  }

  /**
   * Octets of a keytab with all keys of the named principals.
   * @throws RangeError for a principal that the realm does not have
   */
  keytab(...names: readonly string[]): Uint8Array {
    const timestamp = Math.floor(this.#kdc.environment.nowMs() / 1000);
    return encodeKeytab(names.flatMap((name) => keytabEntries(this.#entry(name), timestamp)));
  }

  /** Path of such a keytab as a file that only its owner can read. Removed by `stop()`. */
  keytabFile(...names: readonly string[]): string {
    return this.#write(`${randomBytes(8).toString('hex')}.keytab`, this.keytab(...names));
  }

  /**
   * An acceptor for a service of this realm, by the realm's clock.
   * @throws RangeError for a service that the realm does not have
   */
  acceptor(service: string, options: Omit<AcceptorOptions, 'keytab' | 'service'> = {}): Acceptor {
    return new Acceptor({
      environment: this.#kdc.environment,
      skewSeconds: this.#kdc.skewSeconds,
      ...options,
      keytab: this.keytab(service),
      service: formatPrincipal(this.#entry(service).principal),
    });
  }

  /** A request listener for node:http that lets in who has a ticket for `service` (RFC 4559). */
  httpHandler<Request extends NegotiateRequest, Response extends NegotiateResponse>(
    service: string,
    listener: (request: Request, response: Response, who: NegotiateClient) => unknown,
    options: Omit<AcceptorOptions, 'keytab' | 'service'> = {},
  ): (request: Request, response: Response) => void {
    return negotiateHandler(this.acceptor(service, options), listener);
  }

  /** Shares cross-realm keys with `other`, in both directions: the clients of each get tickets for the services of both. */
  trust(other: TestRealm): void {
    if (other === this || other.realm === this.realm) throw new RangeError('other must be another realm');
    this.#kdc.database.trust(other.#kdc.database);
    this.#peers.set(other.realm, other);
    other.#peers.set(this.realm, this);
    for (const realm of this.#reachable()) realm.#writeConf();
  }

  /** Makes the KDC differ from an honest one until the next call; without argument it is honest again. */
  setHooks(hooks: KdcHooks = {}): void {
    this.#kdc.hooks = hooks;
  }

  /**
   * Plays a fault of `FAULTS` from now on; without argument the KDC is honest again.
   * @throws RangeError for a name that is not in the list
   */
  setFault(name?: string): void {
    const { environment, database } = this.#kdc;
    const scene: FaultScene = {
      realm: this.realm,
      peer: () => database.trusted()[0]?.realm,
      nowMs: () => environment.nowMs(),
    };
    this.setHooks(name === undefined ? {} : faultOf(name).hooks(scene));
  }

  /** Ends the KDC, frees its port and removes the realm's files. A second call does nothing. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #begin(fault: string | undefined): Promise<void> {
    try {
      this.setFault(fault);
      this.#server = await KdcServer.start((request, wire) => this.#serve(request, wire));
      this.#port = this.#server.port;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  #serve(request: Uint8Array, wire: Wire): void {
    const limit = this.#options.maxUdpReplyOctets ?? DEFAULTS.maxUdpReplyOctets;
    const reply = answer(request, this.#kdc, wire.protocol === 'udp' ? limit : Number.POSITIVE_INFINITY);
    if (reply === undefined) return;
    const { transmit } = this.#kdc.hooks;
    if (transmit === undefined) wire.send(reply);
    else transmit(reply, wire);
  }

  #entry(name: string): PrincipalEntry {
    const entry = this.#kdc.database.find(name);
    if (entry === undefined) throw new RangeError(`${this.realm} has no principal ${name}`);
    return entry;
  }

  /** This realm and all that trust leads to. */
  #reachable(): Set<TestRealm> {
    const found = new Set<TestRealm>([this]);
    for (const realm of found) for (const peer of realm.#peers.values()) found.add(peer);
    return found;
  }

  #writeConf(): string {
    return this.#write('krb5.conf', utf8(this.krb5Conf));
  }

  #write(name: string, octets: Uint8Array): string {
    const path = join(this.#folder, name);
    writeFileSync(path, octets, { mode: 0o600 });
    return path;
  }
}

/** `await using realm = await TestRealm.start()` ends it. */
export interface TestRealm extends AsyncDisposable {
  [Symbol.asyncDispose](): Promise<void>;
}

function environmentOf(nowMs: (() => number) | undefined): Environment {
  const system = systemEnvironment();
  return nowMs === undefined ? system : { nowMs, randomBytes: system.randomBytes };
}

function keytabEntries({ principal, kvno, keys }: PrincipalEntry, timestamp: number): KeytabEntry[] {
  return keys.map(({ key }) => ({ principal, timestamp, kvno, key }));
}

/** Hosts in names of services such as HTTP/localhost. */
function hostsOf(database: PrincipalDatabase): readonly string[] {
  const names = database.entries().map(({ principal }) => principal.components);
  const hosts = names.flatMap(([service, host, ...more]) =>
    host === undefined || more.length > 0 || NOT_HOST_BASED.has(service!) ? [] : [host.toLowerCase()],
  );
  return [...new Set(hosts)];
}

const NOT_HOST_BASED: ReadonlySet<string> = new Set(['krbtgt', 'kadmin']);
