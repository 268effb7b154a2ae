/** The cookbook's LDAP connection at slapd: the text of docs/cookbook/sasl.md, with this project's sources. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenLdap, startOpenLdap, temporaryFolder } from '../../scripts/realServers/index.mjs';
import type { SaslOptions } from '../../src/adapters/sasl/index.js';
import type { Client } from '../../src/index.js';
import { codeBlocks } from '../support/markdown.js';
import { LdapClient } from './ldapClient.js';
import { passwordClient } from './library.js';
import { servers } from './servers.js';

type Connection = new (client: Client, host: string, port: number, options: SaslOptions) => Duplex;

const { realm } = servers();
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let slapd: OpenLdap;
let LdapConnection: Connection;

/** The module of the example, importing the sources instead of the package. */
async function example(): Promise<{ LdapConnection: Connection }> {
  const blocks = codeBlocks(readFileSync(`${ROOT}docs/cookbook/sasl.md`, 'utf8'), 'ts');
  const [block, ...more] = blocks.filter(({ code }) => code.includes('class LdapConnection'));
  expect(more).toEqual([]);
  const code = block!.code
    .replaceAll("'krb5-client/sasl'", `'${ROOT}src/adapters/sasl/index.ts'`)
    .replaceAll("'krb5-client'", `'${ROOT}src/index.ts'`);
  const file = `${temporaryFolder()}/example.ts`;
  writeFileSync(file, code);
  return import(pathToFileURL(file).href);
}

beforeAll(async () => {
  slapd = await startOpenLdap(realm);
  ({ LdapConnection } = await example());
});

afterAll(() => slapd.stop());

describe('LdapConnection', () => {
  it.each([
    [{ mechanism: 'GSSAPI', layers: ['confidentiality'] }],
    [{ mechanism: 'GSSAPI', layers: ['none'] }],
    [{ mechanism: 'GSS-SPNEGO' }],
    [{ mechanism: 'GS2-KRB5' }],
  ] as const)('is bound when it connects: %o', async (options) => {
    const connection = new LdapConnection(passwordClient('alice'), 'localhost', slapd.port, options);
    await once(connection, 'connect');
    const ldap = new LdapClient(connection);
    expect(await ldap.whoAmI()).toBe(`dn:uid=alice,ou=people,${slapd.suffix}`);
    expect(await ldap.search(`ou=many,${slapd.suffix}`, 'one')).toHaveLength(slapd.many.count);
    await ldap.end();
    expect(connection.destroyed).toBe(true);
  });

  it('fails where the server refuses', async () => {
    const options = { mechanism: 'GSSAPI', authorizationId: 'dn:cn=nobody' } as const;
    const connection = new LdapConnection(passwordClient('bob'), 'localhost', slapd.port, options);
    const [error] = await once(connection, 'error');
    expect(String(error)).toContain('LDAP bind: result');
  });
});
