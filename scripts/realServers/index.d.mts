/** Types of the real-server harness (hand-written: the harness itself runs without a build). */

export interface RunResult {
  /** Exit status; null when ended by a signal (or by timeoutMs). */
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** The whole environment; this process's own when absent. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  input?: string | Uint8Array;
  /** Default 120,000; the program is then killed. */
  timeoutMs?: number;
}

export interface RunningProcess {
  readonly pid: number | undefined;
  readonly alive: boolean;
  logText(): string;
  /** SIGTERM (or another), then SIGKILL after graceMs; resolves when it and its children are gone. */
  stop(signal?: string, graceMs?: number): Promise<void>;
}

export interface StartOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
  log: string;
  name?: string;
  readyWhen?: (process: RunningProcess) => boolean | Promise<boolean>;
  timeoutMs?: number;
}

/** Starts a foreground daemon, waits until ready; it ends with this process at the latest. */
export function start(command: string, args: string[], options: StartOptions): Promise<RunningProcess>;
/** Runs a program to its end; a non-zero status is a result. */
export function run(command: string, args: string[], options?: RunOptions): Promise<RunResult>;
/** As run(); a non-zero status is an Error with the output. */
export function mustRun(command: string, args: string[], options?: RunOptions): Promise<RunResult>;
/** Ends every process started here and removes the temporary folders. */
export function stopAll(): Promise<void>;

export const DEMO_PACKAGES: readonly string[];
export const INTEROP_PACKAGES: readonly string[];
/** Installs what is missing (Debian, root); otherwise an Error that says which command to run. */
export function ensurePackages(
  packages: readonly string[],
  report?: (line: string) => void,
): Promise<string[]>;
export function isDebian(): boolean;
export function osRelease(): string;
export function faketimeLibrary(): string;
/** Environment that shifts a process's clock, for example '+1h'; empty for undefined. */
export function faketimeEnv(shift: string | undefined): Record<string, string>;

/** A port free on UDP and TCP, on 127.0.0.1 and ::1. */
export function freePort(): Promise<number>;
export function isFree(port: number): Promise<boolean>;
export function loopbackAddresses(): string[];
export function tcpListening(port: number): boolean;
export function udpBound(port: number): boolean;

export interface Enctype {
  /** As in the principals: `u-<name>`, `test/<name>`, `sess/<name>`. */
  name: string;
  etype: number;
  /** MIT's (and IANA's) name. */
  kadmin: string;
}
/** aes128-sha1 17, aes256-sha1 18, aes128-sha256 19, aes256-sha384 20. */
export const ENCTYPES: readonly Enctype[];
/** RC4 (23), which a realm has once it got `rc4Commands`. */
export const RC4: {
  readonly etype: number;
  /** kadmin's name. */
  readonly kadmin: string;
  /** Has an RC4 key only. */
  readonly user: string;
  readonly password: string;
  /** Service with an RC4 key only. */
  readonly keyService: string;
  /** Service with keys of all four AES types, whose tickets carry an RC4 session key. */
  readonly sessionService: string;
};
/** For `kadmin()`: enters these principals, writes their keys to `keytab`, and lets ticket-granting tickets be in RC4. */
export function rc4Commands(realm: string, keytab: string): string[];

/** What other processes need to know about a running realm; plain JSON. */
export interface RealmFacts {
  realm: string;
  dir: string;
  kdcPort: number;
  kadmindPort: number;
  kpasswdPort: number;
  /** `127.0.0.1:<kdcPort>`. */
  kdc: string;
  /** The same port on every loopback address: `127.0.0.1:<port>`, `[::1]:<port>`. */
  kdcAddresses: string[];
  /** A client's krb5.conf. */
  krb5Conf: string;
  /** Passwords by principal name (without realm). */
  users: Record<string, string>;
  /** Services (without realm): HTTP/localhost, host/localhost, test/<etype>, sess/<etype>. */
  services: string[];
  /** The user whose key is in keytabs.user (no password). */
  keytabUser: string;
  keytabs: { http: string; services: string; user: string; wireshark: string };
}

export interface ClientOptions {
  /** KRB5CCNAME; default `FILE:<dir>/cc/default`. */
  ccache?: string | undefined;
  /** Shift of the client's clock, for example '+1h'. */
  faketime?: string | undefined;
}

/** MIT client programs against one KDC. */
export interface MitClient {
  /** KRB5_CONFIG, KRB5CCNAME, KRB5_KTNAME, KRB5RCACHENAME, PATH and so on: a whole environment. */
  env(options?: ClientOptions): Record<string, string>;
  /** A credential cache name not used before, as `FILE:...`. */
  newCcache(): string;
  /** Runs a program in env(); `env` is added to it. */
  run(command: string, args: string[], options?: RunOptions & ClientOptions): Promise<RunResult>;
}

export interface KdcOptions {
  /** Shift of the KDC's clock, for example '+1h'. */
  faketime?: string;
  /** Octets; longer replies over UDP become KRB_ERR_RESPONSE_TOO_BIG. Default 4096. */
  maxDgramReplySize?: number;
  /** Offer SPAKE preauthentication; default false (tshark cannot decrypt SPAKE replies). */
  spake?: boolean;
}

/** A further KDC on the same database. */
export interface RunningKdc extends MitClient {
  kdcPort: number;
  kdc: string;
  krb5Conf: string;
  log(): string;
  stop(): Promise<void>;
}

export interface AttachedRealm extends RealmFacts, MitClient {
  facts(): RealmFacts;
  /** Commands in one kadmin.local session; its output. An error message of kadmin is an Error. */
  kadmin(lines: readonly string[]): Promise<string>;
  /** A second krb5kdc on the same database; ended by its stop(), or with this process. */
  extraKdc(options?: KdcOptions): Promise<RunningKdc>;
}

export interface MitRealm extends AttachedRealm {
  kdcLog(): string;
  /** The main KDC again on its port with other settings. */
  restartKdc(options?: KdcOptions): Promise<void>;
  /** Ends the main KDC alone; `restartKdc` brings it back. */
  stopKdc(): Promise<void>;
  /** Ends the daemons and removes the folder, unless the caller chose it. */
  stop(): Promise<void>;
}

export interface MitRealmOptions extends KdcOptions {
  /** Default EXAMPLE.TEST. */
  realm?: string;
  /** Default a temporary folder. Must be reachable by www-data for Apache. */
  dir?: string;
}

export function startMitRealm(options?: MitRealmOptions): Promise<MitRealm>;
export function attachMitRealm(facts: RealmFacts): AttachedRealm;
/** A new folder, removed when this process ends. */
export function temporaryFolder(prefix?: string): string;

export interface ApacheFacts {
  port: number;
  /** `http://localhost:<port>`; pages /krb, /krb-only, /krb-deleg, /. */
  url: string;
  dir: string;
}
export interface AttachedApache extends ApacheFacts {
  facts(): ApacheFacts;
  errorLog(): string;
}
export interface Apache extends AttachedApache {
  stop(): Promise<void>;
}
export function startApache(realm: AttachedRealm, options?: { port?: number }): Promise<Apache>;
export function attachApache(facts: ApacheFacts): AttachedApache;

/** Paths of a server's PEM files. */
export interface CertificateFiles {
  certificate: string;
  key: string;
  /** Hash of the certificate's signature: sha256, sha384. */
  hash: string;
}
export interface Certificates {
  /** Both authorities, PEM. */
  ca: string;
  rsa: CertificateFiles;
  ecdsa: CertificateFiles;
}
/** Certificates for localhost, 127.0.0.1 and ::1, made once in the realm's folder. */
export function certificates(realm: { dir: string }): Promise<Certificates>;

export interface ApacheSiteFacts {
  dir: string;
  /** Path of the authorities' certificates. */
  ca: string;
  /** `http://localhost:<port>`; the pages are listed in apachePages.mjs. */
  http: string;
  otherHttp: string;
  https: string;
  httpsEcdsa: string;
  /** A forward proxy, for HTTP and for CONNECT to the HTTPS ports. */
  proxy: string;
}
export interface ApacheSite extends ApacheSiteFacts {
  errorLog(): string;
  /** One line a request, written after the answer: id, local port, remote port, method, path, status, Cookie, Authorization. */
  accessLog(): string;
  /** A line for each request that has come, written before the answer: `+`, id, `|` and the request. (Others begin with `-`.) */
  requestLog(): string;
  stop(): Promise<void>;
}
export function startApacheSite(realm: AttachedRealm): Promise<ApacheSite>;

/** An HTTPS acceptor that enforces channel bindings; pages /required and /any. */
export interface BindingServer {
  ca: string;
  /** `https://localhost:<port>`, with the RSA and the ECDSA certificate. */
  rsa: string;
  ecdsa: string;
  /** One line an answer, written before it: port, path, status, body. */
  log(): string;
  stop(): Promise<void>;
}
export function startBindingServer(realm: AttachedRealm): Promise<BindingServer>;

/** squid, which wants Negotiate for HTTP@localhost. */
export interface ForwardProxy {
  url: string;
  /** One line a request: address, method, URL, status, user. */
  accessLog(): string;
  log(): string;
  stop(): Promise<void>;
}
export function startProxy(realm: AttachedRealm): Promise<ForwardProxy>;

export interface GssServerOptions {
  port?: number;
  /** Host-based service name; default `host@localhost`. Its key must be in keytabs.services. */
  service?: string;
  faketime?: string;
}
export interface GssServerFacts {
  port: number;
  /** 127.0.0.1: gss-server has no IPv6. */
  host: string;
  service: string;
  logFile: string;
}
export interface AttachedGssServer extends GssServerFacts {
  facts(): GssServerFacts;
  log(): string;
}
export interface GssServer extends AttachedGssServer {
  stop(): Promise<void>;
}
export function startGssServer(realm: AttachedRealm, options?: GssServerOptions): Promise<GssServer>;
export function attachGssServer(facts: GssServerFacts): AttachedGssServer;

/** A daemon that keeps credential caches (type KCM). */
export interface KcmDaemon {
  /** Path of its socket. */
  socket: string;
  /** The realm's krb5.conf with that socket. */
  krb5Conf: string;
  log(): string;
  stop(): Promise<void>;
}
/** sssd's KCM daemon (Debian package sssd-kcm, as root). */
export function startSssdKcm(realm: AttachedRealm): Promise<KcmDaemon>;

/** Heimdal's client programs. */
export interface Heimdal {
  /** Runs a program of /usr/bin, for example kinit.heimdal. */
  run(
    command: string,
    args: string[],
    options?: RunOptions & { ccache?: string | undefined; kcm?: KcmDaemon },
  ): Promise<RunResult>;
  /** Heimdal's KCM daemon. */
  startKcm(): Promise<KcmDaemon>;
}
/** Downloads and unpacks Heimdal's packages into the realm's folder, beside MIT krb5. */
export function unpackHeimdal(realm: AttachedRealm): Promise<Heimdal>;

export interface Capture {
  file: string;
  /** Waits until everything sent so far is in the file, ends the recording; the file's path. */
  stop(): Promise<string>;
}
export function startCapture(file: string, ports: readonly number[]): Promise<Capture>;

export interface DecodeOptions {
  /** Keytab for decryption: keytabs.wireshark. */
  keytab?: string;
  /** Ports decoded as Kerberos, UDP and TCP. */
  kdcPorts?: readonly number[];
  /** TCP ports decoded as HTTP. */
  httpPorts?: readonly number[];
  /** HOME of tshark, so that no personal preferences play a part. */
  home?: string;
}
export interface ExpertItem {
  frame: number;
  severity: string;
  message: string;
}
export interface Decoder {
  /** The -V text. `filter` is a display filter, for example 'kerberos'. */
  text(filter?: string): Promise<string>;
  json(filter?: string): Promise<unknown[]>;
  /** One row a frame: the values of each field. */
  fields(names: readonly string[], filter?: string): Promise<Record<string, string[]>[]>;
  /** tshark's expert remarks (chat, note, warning, error), malformed packets included. */
  expert(filter?: string): Promise<ExpertItem[]>;
}
export function decode(file: string, options: DecodeOptions): Decoder;

/** OpenLDAP's slapd; the key of ldap/localhost is made if there is none. */
export interface OpenLdap {
  port: number;
  /** ldaps, with the RSA certificate. */
  tlsPort: number;
  /** `ldap://localhost:<port>` */
  url: string;
  service: string;
  suffix: string;
  /** The entries of ou=many. */
  many: { count: number; descriptionOctets: number };
  certificates: Certificates;
  log(): string;
  stop(): Promise<void>;
}
export interface OpenLdapOptions {
  /** As in slapd.conf, for example 'minssf=56'; default 'none': whatever the client chooses. */
  saslSecprops?: string;
  saslCbinding?: 'none' | 'tls-endpoint';
}
export function startOpenLdap(realm: AttachedRealm, options?: OpenLdapOptions): Promise<OpenLdap>;

/** Dovecot as an IMAP server (IPv4 only, no TLS); the key of imap/localhost is made if there is none. */
export interface Dovecot {
  port: number;
  service: string;
  log(): string;
  stop(): Promise<void>;
}
export function startDovecot(realm: AttachedRealm): Promise<Dovecot>;
