/**
 * Compiles the KDC and the service in memory of test/support, which are TypeScript, to plain JavaScript. They come with
 * a copy of the library of their own, so that the measured one is compiled by what the client does and nothing else.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const OUTPUT = new URL('../node_modules/.cache/krb5-client-bench/', import.meta.url);

/** @returns the modules `kdc` (scriptedKdc.ts), `acceptor` (scriptedAcceptor.ts) and their `Key` */
export async function buildPeers() {
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  const project = fileURLToPath(new URL('tsconfig.json', import.meta.url));
  execFileSync(process.execPath, [tsc, '-p', project, '--outDir', fileURLToPath(OUTPUT)], {
    stdio: 'inherit',
  });
  const from = (file) => import(new URL(file, OUTPUT).href);
  const { ScriptedKdc } = await from('test/support/scriptedKdc.js');
  const { ScriptedAcceptor, negTokenResp } = await from('test/support/scriptedAcceptor.js');
  const { Key } = await from('src/crypto/key.js');
  return { ScriptedKdc, ScriptedAcceptor, negTokenResp, PeerKey: Key };
}
