/**
 * A connection to a KCM daemon over its UNIX socket: request with its length in front, reply with its length and the
 * transport's status in front. The daemon knows by the socket who we are.
 */
import { connect, type Socket } from 'node:net';
import { concat, uint32be } from '../bytes.js';
import { CredentialError } from '../errors.js';
import { encodeKcmRequest, type KcmOperation } from '../formats/kcm.js';
import { OctetReader } from '../formats/octetReader.js';
import { systemErrorCode } from './boundedFile.js';

/** Where the daemon is. */
export interface KcmOptions {
  /** `kcm_socket` of krb5.conf; /var/run/.heim_org.h5l.kcm-socket unless given, `-` for none. */
  readonly kcmSocket?: string | undefined;
  /** How long to wait for each reply, milliseconds; 10,000 unless given. */
  readonly kcmTimeoutMs?: number | undefined;
}

const DEFAULT_KCM_SOCKET = '/var/run/.heim_org.h5l.kcm-socket';
const DEFAULT_TIMEOUT_MS = 10_000;
/** The most that a reply may have, as in MIT krb5. */
const MAX_REPLY_OCTETS = 10 * 1024 * 1024;
/** Length and status of the transport. */
const HEADER_OCTETS = 8;

/** The daemon answered with a code other than 0. */
export class KcmRefusal extends Error {
  readonly operation: KcmOperation;
  /** As in KCM_CODES. */
  readonly replyCode: number;

  constructor(operation: KcmOperation, replyCode: number) {
    super(`KCM ${operation}: code ${replyCode}`);
    this.operation = operation;
    this.replyCode = replyCode;
  }
}

/** Runs `task` with a connection, which is closed afterwards. Errors as those of KcmConnection. */
export async function withKcm<T>(
  options: KcmOptions,
  task: (connection: KcmConnection) => Promise<T>,
): Promise<T> {
  const connection = await KcmConnection.open(options);
  try {
    return await task(connection);
  } finally {
    connection.close();
  }
}

/** One connection, for one request after the other. */
export class KcmConnection {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #timeoutMs: number;
  #received: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;

  private constructor(path: string, timeoutMs: number) {
    this.#path = path;
    this.#timeoutMs = timeoutMs;
    this.#socket = connect(path);
    this.#socket.on('data', (octets) => {
      this.#received.push(octets);
      this.#wake?.();
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('closed')));
  }

  /** @throws CredentialError ERR_CCACHE_IO when no daemon is there */
  static async open({ kcmSocket, kcmTimeoutMs }: KcmOptions): Promise<KcmConnection> {
    const path = kcmSocket ?? DEFAULT_KCM_SOCKET;
    if (path === '-') throw noDaemon(path, 'kcm_socket is "-" in krb5.conf');
    const connection = new KcmConnection(path, kcmTimeoutMs ?? DEFAULT_TIMEOUT_MS);
    await connection.#connected();
    return connection;
  }

  /**
   * Sends a request; the reply behind its code, which is 0.
   * @throws KcmRefusal for another code
   * @throws CredentialError ERR_CCACHE_IO, ERR_TIMEOUT, ERR_REPLY_TOO_LARGE
   */
  async call(operation: KcmOperation, ...parameters: readonly Uint8Array[]): Promise<OctetReader> {
    const request = encodeKcmRequest(operation, ...parameters);
    this.#socket.write(concat(uint32be(request.length), request));
    request.fill(0);
    const deadline = Date.now() + this.#timeoutMs;
    const header = this.#reader(await this.#take(HEADER_OCTETS, deadline));
    const length = header.uint32();
    const status = header.int32();
    if (status !== 0) throw new KcmRefusal(operation, status);
    if (length > MAX_REPLY_OCTETS) throw this.#tooLarge(length);
    const reply = this.#reader(await this.#take(length, deadline));
    const code = reply.int32();
    if (code !== 0) throw new KcmRefusal(operation, code);
    return reply;
  }

  close(): void {
    this.#socket.destroy();
    for (const octets of this.#received) octets.fill(0);
  }

  #reader(octets: Uint8Array): OctetReader {
    return new OctetReader('credential cache', octets, `KCM (${this.#path})`);
  }

  async #connected(): Promise<void> {
    this.#socket.once('connect', () => this.#wake?.());
    await this.#until(() => !this.#socket.connecting, Date.now() + this.#timeoutMs);
    if (this.#failure !== undefined) throw this.#broken(this.#failure);
  }

  /** The next `length` octets from the daemon. */
  async #take(length: number, deadline: number): Promise<Uint8Array> {
    await this.#until(() => this.#available() >= length, deadline);
    const all = concat(...this.#received);
    for (const octets of this.#received) octets.fill(0);
    this.#received = [all.subarray(length)];
    return all.slice(0, length);
  }

  #available(): number {
    return this.#received.reduce((sum, octets) => sum + octets.length, 0);
  }

  async #until(condition: () => boolean, deadline: number): Promise<void> {
    while (!condition()) {
      if (this.#failure !== undefined) throw this.#broken(this.#failure);
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw this.#timedOut();
      await this.#event(leftMs);
    }
  }

  /** Resolves when something happens, or after `leftMs`. */
  #event(leftMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, leftMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  #tooLarge(length: number): CredentialError {
    const text = `the KCM daemon at ${this.#path} announces a reply of ${length} octets, more than ${MAX_REPLY_OCTETS}`;
    return new CredentialError('ERR_REPLY_TOO_LARGE', text);
  }

  #timedOut(): CredentialError {
    const text = `the KCM daemon at ${this.#path} did not answer within ${this.#timeoutMs} ms; restart it (systemctl restart sssd-kcm)`;
    return new CredentialError('ERR_TIMEOUT', text);
  }

  #broken(error: Error): CredentialError {
    const errno = systemErrorCode(error);
    if (['ENOENT', 'ECONNREFUSED', 'EACCES', 'ENOTDIR'].includes(errno)) {
      return noDaemon(this.#path, errno, error);
    }
    const text = `the KCM daemon at ${this.#path} ended the connection (${errno})`;
    return new CredentialError('ERR_CCACHE_IO', text, { cause: error });
  }
}

function noDaemon(path: string, reason: string, cause?: unknown): CredentialError {
  const text =
    `no KCM daemon at ${path} (${reason}); start it (systemctl start sssd-kcm.socket, or Heimdal's kcm), ` +
    'set kcm_socket in [libdefaults] of krb5.conf, or use a file: KRB5CCNAME=FILE:/tmp/krb5cc_me';
  return new CredentialError('ERR_CCACHE_IO', text, { cause });
}
