/** Java's JGSS as initiator and acceptor: one JVM with JavaPeer.java, which the test compiles, and its questions. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ensurePackages, mustRun, temporaryFolder } from '../../scripts/realServers/index.mjs';

const SOURCE: string = fileURLToPath(new URL('JavaPeer.java', import.meta.url));
/** Where the JDK keeps channel bindings without addresses; not part of its public interface. */
const INTERNAL = 'java.security.jgss/sun.security.jgss.krb5.internal=ALL-UNNAMED';

/** Compiles the peer; gives the folder of its classes. */
async function compiled(): Promise<string> {
  await ensurePackages(['openjdk-17-jdk-headless']);
  const folder = temporaryFolder('java-peer-');
  await mustRun('javac', ['-Xlint:all', '-Werror', '--add-exports', INTERNAL, '-d', folder, SOURCE]);
  return folder;
}

/** What one step of the peer gave; what follows `done` only once it is. */
export interface JavaStep {
  readonly token: Uint8Array | undefined;
  readonly done: boolean;
  readonly flags: number;
  readonly source: string;
  readonly target: string;
  /** Whose credential was delegated. */
  readonly delegated: string | undefined;
  readonly lifetime: number;
}

/** A GSSException, or another error of the peer. */
export class JavaError extends Error {
  /** RFC 2853 section 6.8.1; 0 where it is no GSSException. */
  readonly major: number;

  constructor(major: string | undefined, text: string | undefined) {
    super(Buffer.from(text ?? '', 'base64').toString());
    this.major = Number(major);
  }
}

/** How to start a context. */
export interface JavaInitiate {
  /** Name of a login, or `delegated:SIDE`. */
  readonly subject: string;
  /** Principal. */
  readonly target: string;
  readonly flags: number;
  readonly mechanism?: 'krb5' | 'spnego';
  readonly bound?: JavaBindings;
}

/** Application data; `plain` as programs give it, `tls` as the JDK gives it for TLS. */
export interface JavaBindings {
  readonly kind: 'plain' | 'tls';
  readonly data: Uint8Array;
}

/** One JVM; `side` names one side of a context in it. */
export class JavaPeer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: ((line: string) => void)[] = [];
  #problems = '';

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stderr.on('data', (data) => {
      this.#problems += String(data);
    });
    createInterface(child.stdout).on('line', (line) => this.#waiting.shift()?.(line));
    child.on('exit', () => {
      const text = Buffer.from(`the JVM has ended: ${this.#problems}`).toString('base64');
      for (const answer of this.#waiting.splice(0)) answer(`error 0 0 ${text}`);
    });
  }

  /** @param krb5Conf configuration of the realm */
  static async start(krb5Conf: string): Promise<JavaPeer> {
    const classes = await compiled();
    const options = [`-Djava.security.krb5.conf=${krb5Conf}`, '-Djava.net.preferIPv4Stack=true'];
    const speed = ['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    const all = [...options, ...speed, '--add-exports', INTERNAL, '-cp', classes, 'JavaPeer'];
    return new JavaPeer(spawn('java', all, { env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' } }));
  }

  /** Logs in by JAAS: `acceptor` and `keytab` with a keytab, `ccache` with a credential cache. */
  async login(
    name: string,
    kind: 'acceptor' | 'keytab' | 'ccache',
    principal: string,
    path: string,
  ): Promise<void> {
    await this.#ask('login', name, kind, principal, path);
  }

  /** One token of ours. @throws JavaError */
  async accept(
    side: string,
    token: Uint8Array,
    options: { subject?: string; mechanism?: 'krb5' | 'spnego' | 'any'; bound?: JavaBindings } = {},
  ): Promise<JavaStep> {
    const { subject = 'service', mechanism = 'any', bound } = options;
    return stepOf(await this.#ask('accept', side, subject, mechanism, bindings(bound), word(token)));
  }

  /** The next token for us. @throws JavaError */
  async initiate(side: string, options: JavaInitiate, token?: Uint8Array): Promise<JavaStep> {
    const { subject, target, mechanism = 'krb5', flags, bound } = options;
    const more = [String(flags), bindings(bound), word(token)];
    return stepOf(await this.#ask('initiate', side, subject, target, mechanism, ...more));
  }

  async wrap(side: string, message: Uint8Array, confidential = true): Promise<Uint8Array> {
    const [token] = await this.#ask('wrap', side, String(confidential), word(message));
    return octets(token);
  }

  /** `anomalies` are those that MessageProp tells of, joined by +. */
  async unwrap(
    side: string,
    token: Uint8Array,
  ): Promise<{ message: Uint8Array; confidential: boolean; anomalies: string }> {
    const [message, confidential, anomalies = ''] = await this.#ask('unwrap', side, word(token));
    return { message: octets(message), confidential: confidential === 'true', anomalies };
  }

  async mic(side: string, message: Uint8Array): Promise<Uint8Array> {
    const [token] = await this.#ask('mic', side, word(message));
    return octets(token);
  }

  /** @returns the anomalies as `unwrap` has them */
  async verifyMic(side: string, message: Uint8Array, token: Uint8Array): Promise<string> {
    const [anomalies = ''] = await this.#ask('verify', side, word(message), word(token));
    return anomalies;
  }

  /** The key of the messages: name of its type and octets. */
  async sessionKey(side: string): Promise<{ etype: string; value: Uint8Array }> {
    const [etype = '', value] = await this.#ask('key', side);
    return { etype, value: octets(value) };
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask(...words: readonly string[]): Promise<string[]> {
    const line = await new Promise<string>((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${words.join(' ')}\n`);
    });
    const [outcome, ...answer] = line.trimEnd().split(' ');
    if (outcome !== 'ok') throw new JavaError(answer[0], answer[2]);
    return answer;
  }
}

function word(value: Uint8Array | undefined): string {
  return value === undefined || value.length === 0 ? '-' : Buffer.from(value).toString('base64');
}

function octets(text: string | undefined): Uint8Array {
  return text === undefined || text === '-' ? new Uint8Array(0) : new Uint8Array(Buffer.from(text, 'base64'));
}

function bindings(bound: JavaBindings | undefined): string {
  return bound === undefined ? '-' : `${bound.kind}:${word(bound.data)}`;
}

function stepOf([
  token,
  done,
  flags,
  source = '',
  target = '',
  delegated,
  lifetime,
]: readonly string[]): JavaStep {
  return {
    token: token === '-' ? undefined : octets(token),
    done: done === 'true',
    flags: Number(flags),
    source,
    target,
    delegated: delegated === '-' ? undefined : delegated,
    lifetime: Number(lifetime),
  };
}
