/** The end of a client: keys wiped, requests aborted, and a type that every consumer can compile. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type KdcConnection, KerberosError, type Key } from '../../src/index.js';
import { HOUR, realm, SERVICE } from './identity.js';

const wiped = ({ value }: Key): boolean => value.every((octet) => octet === 0);
const DISPOSED = { code: 'ERR_DISPOSED' };

describe('dispose', () => {
  it('wipes the keys of all tickets, also of those that were replaced', async () => {
    const made = realm();
    const client = made.client();
    const first = await client.serviceTicket(SERVICE);
    const tgt = await client.ticketGrantingTicket();
    made.environment.advance((24 * HOUR - 60) * 1000);
    const second = await client.serviceTicket(SERVICE);
    const third = await client.serviceTicket(SERVICE, { fresh: true });
    client.forget(SERVICE);
    const keys = [first, tgt, second, third].map(({ sessionKey }) => sessionKey);
    expect(keys.map(wiped)).toEqual([false, false, false, false]);
    client.dispose();
    expect(keys.map(wiped)).toEqual([true, true, true, true]);
  });

  it('is final, for every call, with tickets at hand or not', async () => {
    const made = realm();
    const client = made.client();
    await client.serviceTicket(SERVICE);
    const asked = made.asked.length;
    client.dispose();
    client.dispose();
    await expect(client.login()).rejects.toMatchObject(DISPOSED);
    await expect(client.ticketGrantingTicket()).rejects.toMatchObject(DISPOSED);
    await expect(client.serviceTicket(SERVICE)).rejects.toMatchObject(DISPOSED);
    await expect(client.securityContext(SERVICE)).rejects.toMatchObject(DISPOSED);
    await expect(client.renew()).rejects.toMatchObject(DISPOSED);
    expect(() => client.keepFresh()).toThrow(expect.objectContaining(DISPOSED));
    expect(client.forget(SERVICE)).toBe(false);
    expect(made.asked).toHaveLength(asked);
  });

  it.each([0, 1, 2])('ends what is going on (after %i requests), whoever answers late', async (answered) => {
    const made = realm();
    const releases: (() => void)[] = [];
    const connection: KdcConnection = async (question, signal) => {
      if (made.kdc.requests.length >= answered) {
        await new Promise<void>((resolve) => releases.push(resolve));
      }
      expect(signal).toBeDefined();
      return made.kdc.reply(question.message, question.tcpOnly);
    };
    const client = made.client({ connection });
    const calls: Promise<unknown>[] = [client.serviceTicket(SERVICE)];
    if (answered === 0) calls.push(client.ticketGrantingTicket(), client.login());
    const ends = Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(DISPOSED)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(releases.length).toBeGreaterThan(0);
    client.dispose();
    for (const release of releases) release();
    await ends;
  });

  it('is what `using` calls', async () => {
    const made = realm();
    const client = made.client();
    client[Symbol.dispose]();
    await expect(client.login()).rejects.toMatchObject(DISPOSED);
  });

  it('leaves established contexts alone', async () => {
    const made = realm();
    const client = made.client();
    const context = await client.securityContext(SERVICE, { mechanism: 'krb5', flags: 0x30 });
    context.step();
    client.dispose();
    expect(context.wrap(new Uint8Array(3)).length).toBeGreaterThan(3);
  });

  it.each(['krb5', 'spnego'] as const)('ends %s contexts that are not established', async (mechanism) => {
    const made = realm();
    const client = made.client();
    const [fresh, waiting] = await Promise.all([
      client.securityContext(SERVICE, { mechanism }),
      client.securityContext(SERVICE, { mechanism }),
    ]);
    waiting.step();
    client.dispose();
    expect(() => fresh.step()).toThrow(expect.objectContaining(DISPOSED));
    expect(() => waiting.step(new Uint8Array(9))).toThrow(KerberosError);
  });
});

describe('the declarations', () => {
  const ROOT = fileURLToPath(new URL('../..', import.meta.url));

  it('compile for programs with the default libraries, or with those of Node.js', () => {
    const folder = mkdtempSync(join(tmpdir(), 'krb5-client-consumer-'));
    const tsc = (project: string) =>
      spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project], {
        encoding: 'utf8',
      }).stdout;
    try {
      const declarations = { ...{ emitDeclarationOnly: true, noEmit: false, declaration: true } };
      const build = { extends: join(ROOT, 'tsconfig.json'), include: [join(ROOT, 'src')] };
      const places = { rootDir: join(ROOT, 'src'), outDir: join(folder, 'types') };
      const typeRoots = [join(ROOT, 'node_modules/@types')];
      const compilerOptions = { ...declarations, ...places, typeRoots };
      writeFileSync(join(folder, 'build.json'), JSON.stringify({ ...build, compilerOptions }));
      tsc(join(folder, 'build.json'));
      const program = [
        "import type { Client } from './types/client/client.js';",
        'export const end = (client: Client): void => client.dispose();',
        'export function once(client: Client): void {\n  using mine = client;\n  mine.forget("a/b");\n}',
      ];
      writeFileSync(join(folder, 'program.ts'), program.join('\n'));
      const options = {
        target: 'ES2022',
        module: 'NodeNext',
        strict: true,
        noEmit: true,
        skipLibCheck: false,
      };
      for (const more of [{ types: [] }, { types: ['node'], typeRoots, lib: ['ES2022'] }]) {
        const consumer = { compilerOptions: { ...options, ...more }, files: ['program.ts'] };
        writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(consumer));
        expect(tsc(folder)).toBe('');
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 120_000);
});
