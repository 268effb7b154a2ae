/** MIT's GSS-API (python3-gssapi) as initiator and acceptor: the process gssapiPeer.py and its questions. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SOURCE: string = fileURLToPath(new URL('gssapiPeer.py', import.meta.url));

/** What one step of the peer gave. */
export interface PeerStep {
  readonly token: Uint8Array | undefined;
  readonly done: boolean;
}

/** An established context as the peer sees it. */
export interface PeerContext extends PeerStep {
  readonly flags: number;
  readonly source: string;
  readonly target: string;
  readonly lifetime: number;
  readonly delegated: boolean;
  readonly key: Uint8Array;
  readonly etype: number;
}

/** A GSSError of the peer. */
export class PeerError extends Error {
  readonly major: number;
  readonly minor: number;
  /** What it would send. */
  readonly token: Uint8Array | undefined;

  constructor(answer: Answer) {
    super(String(answer.error));
    this.major = Number(answer.major);
    this.minor = Number(answer.minor);
    this.token = octets(answer.token);
  }
}

/** GSS routine errors (RFC 2744 section 3.9.1). */
export const MAJOR = { badBindings: 4, defectiveToken: 9, failure: 13 } as const;

/** The routine error of a major status. */
export function routineError({ major }: PeerError): number {
  return major >>> 16;
}

type Answer = Readonly<Record<string, unknown>>;

const octets = (value: unknown): Uint8Array | undefined =>
  typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : undefined;
const base64 = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString('base64');

/** How the peer accepts. */
export interface AcceptOptions {
  /** Principal; any of the keytab unless given. */
  readonly service?: string;
  /** Application data of its channel bindings. */
  readonly bound?: Uint8Array;
}

/** How the peer initiates. */
export interface InitiateOptions {
  readonly target: string;
  readonly flags: number;
  readonly mechanism?: 'krb5' | 'spnego';
  readonly bound?: Uint8Array;
  /** Side whose delegated credential it uses instead of the credential cache. */
  readonly delegatedOf?: string;
  /** What `target` is; a host-based service unless given. */
  readonly name?: 'service' | 'principal';
}

/** One process; `side` names one side of a context in it. */
export class GssapiPeer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  #problems = '';

  /** @param source the program, gssapiPeer.py unless given */
  constructor(env: Readonly<Record<string, string | undefined>>, source: string = SOURCE) {
    this.#child = spawn('/usr/bin/python3', [source], { env: { ...env } });
    this.#child.stderr.on('data', (data) => {
      this.#problems += String(data);
    });
    createInterface(this.#child.stdout).on('line', (line) => {
      this.#waiting.shift()?.(JSON.parse(line) as Answer);
    });
    this.#child.on('exit', () => {
      for (const answer of this.#waiting.splice(0))
        answer({ error: `the peer has ended: ${this.#problems}` });
    });
  }

  /** One token of ours. @throws PeerError */
  async accept(side: string, token: Uint8Array, options: AcceptOptions = {}): Promise<PeerContext> {
    const { bound, ...rest } = options;
    return stepOf(await this.#ask('accept', { side, token: base64(token), ...rest, bound: base64(bound) }));
  }

  /** The next token for us. @throws PeerError */
  async initiate(side: string, options: InitiateOptions, token?: Uint8Array): Promise<PeerContext> {
    const { delegatedOf, bound, ...rest } = options;
    return stepOf(
      await this.#ask('initiate', {
        side,
        ...rest,
        token: base64(token),
        bound: base64(bound),
        delegated_of: delegatedOf,
      }),
    );
  }

  async wrap(side: string, message: Uint8Array, confidential = true): Promise<Uint8Array> {
    return octets((await this.#ask('wrap', { side, message: base64(message), confidential })).token)!;
  }

  async unwrap(side: string, token: Uint8Array): Promise<{ message: Uint8Array; confidential: boolean }> {
    const answer = await this.#ask('unwrap', { side, token: base64(token) });
    return { message: octets(answer.message)!, confidential: answer.confidential === true };
  }

  async mic(side: string, message: Uint8Array): Promise<Uint8Array> {
    return octets((await this.#ask('mic', { side, message: base64(message) })).token)!;
  }

  async verifyMic(side: string, message: Uint8Array, token: Uint8Array): Promise<void> {
    await this.#ask('verify', { side, message: base64(message), token: base64(token) });
  }

  /** Writes what was delegated to a side into a credential cache. */
  async store(side: string, ccache: string): Promise<void> {
    await this.#ask('store', { side, ccache });
  }

  /** How MIT displays and exports a name. */
  async name(
    value: string | Uint8Array,
    nameType: 'service' | 'principal' | 'export',
  ): Promise<{ display: string; exported: Uint8Array }> {
    const given = typeof value === 'string' ? value : base64(value);
    const answer = await this.#ask('name', { value: given, name_type: nameType });
    return { display: String(answer.display), exported: octets(answer.exported)! };
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask(op: string, question: Answer): Promise<Answer> {
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${JSON.stringify({ op, ...question })}\n`);
    });
    if (answer.error !== undefined) throw new PeerError(answer);
    return answer;
  }
}

function stepOf(answer: Answer): PeerContext {
  return { ...answer, token: octets(answer.token), key: octets(answer.key) } as unknown as PeerContext;
}
