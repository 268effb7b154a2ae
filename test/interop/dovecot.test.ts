/** SASL at Dovecot's IMAP server: AUTHENTICATE (RFC 9051 section 6.2.2) with GSSAPI and GSS-SPNEGO. */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Dovecot, startDovecot } from '../../scripts/realServers/index.mjs';
import { type SaslMechanism, type SaslOptions, saslClient } from '../../src/adapters/sasl/index.js';
import { failure, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
let dovecot: Dovecot;

beforeAll(async () => {
  dovecot = await startDovecot(realm);
});

afterAll(() => dovecot.stop());

/** Lines of an IMAP server. */
class ImapConnection {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#lines = linesOf(this.#socket);
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('Dovecot has closed the connection');
    return value as string;
  }

  send(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  /** The lines up to the one with the tag. */
  async command(text: string): Promise<string[]> {
    this.send(`c ${text}`);
    const lines = [await this.line()];
    while (!lines.at(-1)!.startsWith('c ')) lines.push(await this.line());
    return lines;
  }

  /** AUTHENTICATE, with the initial response in the command or (without SASL-IR) after the server's empty challenge. */
  async authenticate(mechanism: SaslMechanism, initialResponse: boolean): Promise<string> {
    const inCommand = initialResponse ? ` ${base64(mechanism.next())}` : '';
    this.send(`a AUTHENTICATE ${mechanism.name}${inCommand}`);
    for (;;) {
      const line = await this.line();
      if (line.startsWith('+')) this.send(base64(mechanism.next(Buffer.from(line.slice(1), 'base64'))));
      else if (line.startsWith('a OK')) {
        expect(mechanism.conclude()).toBeUndefined();
        return line;
      } else if (line.startsWith('a ')) throw new Error(line);
    }
  }

  end(): void {
    this.#socket.destroy();
  }
}

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
      yield text.slice(0, end);
      text = text.slice(end + 2);
    }
  }
}

/** A connection that `user` is logged in on, and what Dovecot said. */
async function login(
  options: SaslOptions,
  user = 'alice',
  initialResponse = true,
  service = dovecot.service,
) {
  const imap = new ImapConnection(dovecot.port);
  try {
    const greeting = await imap.line();
    expect(greeting).toContain(`AUTH=${options.mechanism}`);
    expect(greeting).toContain('SASL-IR');
    const mechanism = await saslClient(passwordClient(user), service, options);
    return { imap, answer: await imap.authenticate(mechanism, initialResponse) };
  } catch (error) {
    imap.end();
    throw error;
  }
}

/** Waits for it behind that place of the log: Dovecot's processes log by another one, which may be later than the answer. */
function logged(text: string, from: number): Promise<void> {
  return vi.waitFor(() => expect(dovecot.log().slice(from)).toContain(text), { timeout: 30_000 });
}

describe.each(['GSSAPI', 'GSS-SPNEGO'] as const)('%s', (name) => {
  const mechanism = { mechanism: name, layers: ['none'] } as const;

  it.each([
    [true, 'in the command'],
    [false, 'after an empty challenge'],
  ])('logs in: initial response %s (%s)', async (initialResponse) => {
    const from = dovecot.log().length;
    const { imap, answer } = await login(mechanism, 'alice', initialResponse);
    expect(answer).toMatch(/^a OK /);
    expect(await imap.command('SELECT INBOX')).toContainEqual(expect.stringMatching(/^\* \d+ EXISTS/));
    await logged(`Login: user=<alice>, method=${name}`, from);
    imap.end();
  });

  it('is refused with the ticket of another service', async () => {
    const attempt = login(mechanism, 'alice', true, 'host@localhost');
    expect(await failure(attempt)).toMatchObject({ message: expect.stringMatching(/^a NO /) });
  });
});

describe('GSSAPI', () => {
  it('takes what Dovecot offers: no layer, with a size beside it', async () => {
    const { imap } = await login({ mechanism: 'GSSAPI' });
    imap.end();
  });

  it('ends where a layer is demanded', async () => {
    const attempt = login({ mechanism: 'GSSAPI', layers: ['confidentiality', 'integrity'] });
    expect(await failure(attempt)).toMatchObject({ code: 'ERR_SASL_LAYER' });
  });

  it('may name itself', async () => {
    const { imap } = await login({ mechanism: 'GSSAPI', authorizationId: 'alice' });
    imap.end();
  });

  it('may not name somebody else', async () => {
    const from = dovecot.log().length;
    const attempt = login({ mechanism: 'GSSAPI', authorizationId: 'alice' }, 'bob');
    expect(await failure(attempt)).toMatchObject({ message: expect.stringMatching(/^a NO /) });
    await logged('User not authorized to log in as alice', from);
  });
});
