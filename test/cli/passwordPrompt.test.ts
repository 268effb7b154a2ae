import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interrupted } from '../../src/cli/failure.js';
import { promptPassword } from '../../src/cli/passwordPrompt.js';
import { fuzzRuns } from '../support/fuzz.js';
import { recordedIo, TerminalInput } from './io.js';

async function read(input: string | Uint8Array): Promise<string> {
  return Buffer.from(await promptPassword(recordedIo({ input }), 'Password', false)).toString();
}

async function type(...keys: string[]): Promise<{ password: string; modes: boolean[] }> {
  const terminal = new TerminalInput(...keys);
  const password = await promptPassword(recordedIo({ terminal }), 'Password', false);
  return { password: Buffer.from(password).toString(), modes: terminal.modes };
}

describe('a password from a pipe', () => {
  it('is the first line without its end', async () => {
    expect(await read('secret\nmore\n')).toBe('secret');
    expect(await read('secret')).toBe('secret');
    expect(await read('\n')).toBe('');
  });

  it('keeps blanks, carriage returns, control characters and any octets', async () => {
    expect(await read(' two  blanks \t\r\n')).toBe(' two  blanks \t\r');
    const octets = Uint8Array.from({ length: 600 }, (_, i) => (i % 256 === 10 ? 11 : i % 256));
    const io = recordedIo({ input: octets.slice() });
    expect(await promptPassword(io, 'Password', false)).toEqual(octets);
  });

  it('may come octet by octet', async () => {
    const stdin = new PassThrough();
    const io = { ...recordedIo(), stdin };
    const password = promptPassword(io, 'Password', false);
    for (const octet of Buffer.from('pässwörd\n')) {
      stdin.write(Uint8Array.of(octet));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(Buffer.from(await password).toString()).toBe('pässwörd');
  });

  it('comes as it was, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (octets) => {
        const line = octets.filter((octet) => octet !== 10);
        const input = Buffer.concat([line, Buffer.from('\n')]);
        expect(await promptPassword(recordedIo({ input }), 'Password', true)).toEqual(line);
      }),
      { numRuns: Math.min(fuzzRuns, 1000) },
    );
  });

  it('must come, and not be endless', async () => {
    await expect(read('')).rejects.toMatchObject({ code: 'ERR_NO_KEY' });
    await expect(read(new Uint8Array(65 * 1024).fill(97))).rejects.toMatchObject({ code: 'ERR_NO_KEY' });
    const stdin = new PassThrough();
    const password = promptPassword({ ...recordedIo(), stdin }, 'Password', false);
    stdin.destroy(new Error('EIO'));
    await expect(password).rejects.toMatchObject({ code: 'ERR_NO_KEY' });
  });

  it('is asked for on standard error, unless nobody is there to read it', async () => {
    const asked = recordedIo({ input: 'x\n' });
    await promptPassword(asked, 'Password for alice\u001b', false);
    expect([asked.out, asked.err]).toEqual(['', 'Password for alice\\x1b: \n']);
    const quiet = recordedIo({ input: 'x\n' });
    await promptPassword(quiet, 'Password', true);
    expect([quiet.out, quiet.err]).toEqual(['', '']);
  });
});

describe('a password from a terminal', () => {
  it.each([
    [['secret\r'], 'secret'],
    [['secret\n'], 'secret'],
    [['sec', 'ret', '\r'], 'secret'],
    [['secrex\x7ft\r'], 'secret'],
    [['secrex\bt\r'], 'secret'],
    [['\x7f\x7fsecret\r'], 'secret'],
    [['sä🔑\x7f\x7f\x7fsecret\r'], 'secret'],
    [['junk\x15secret\r'], 'secret'],
    [['secret\x04'], 'secret'],
    [['\r'], ''],
  ])('typed as %j is %j', async (keys, password) => {
    expect(await type(...keys)).toEqual({ password, modes: [true, false] });
  });

  it.each(['sec\x03', 'sec\x1c'])(
    'gives the terminal back after Ctrl-C or Ctrl-\\ (%j) and Ctrl-D',
    async (keys) => {
      const interrupted = new TerminalInput(keys);
      const first = promptPassword(recordedIo({ terminal: interrupted }), 'Password', false);
      await expect(first).rejects.toBeInstanceOf(Interrupted);
      const ended = new TerminalInput('\x04');
      const second = promptPassword(recordedIo({ terminal: ended }), 'Password', true);
      await expect(second).rejects.toMatchObject({ code: 'ERR_NO_KEY' });
      expect([interrupted.modes, ended.modes]).toEqual([
        [true, false],
        [true, false],
      ]);
    },
  );
});
