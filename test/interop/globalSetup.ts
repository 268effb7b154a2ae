/**
 * Brings up the real servers of the interop tests: one realm, Apache and gss-server, on a Debian machine
 * as root. What is missing is installed. A machine that cannot have them fails here, with the way out in
 * the message; nothing is ever skipped.
 */

import type { TestProject } from 'vitest/node';
import {
  type ApacheFacts,
  ensurePackages,
  type GssServerFacts,
  INTEROP_PACKAGES,
  isDebian,
  type RealmFacts,
  startApache,
  startGssServer,
  startMitRealm,
  stopAll,
} from '../../scripts/realServers/index.mjs';

/** What a test file gets by inject('realServers'); see servers.ts. */
export interface RealServerFacts {
  realm: RealmFacts;
  apache: ApacheFacts;
  gssServer: GssServerFacts;
}

declare module 'vitest' {
  interface ProvidedContext {
    realServers: RealServerFacts;
  }
}

/** Starts the servers; the function it returns ends every one of them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!isDebian() || process.getuid?.() !== 0) {
    throw new Error(
      'the interop tests need a Debian machine or container, as root: they run krb5kdc, Apache, gss-server and ' +
        'dumpcap. Run "npm run test:unit" for the tests that need only Node.',
    );
  }
  await ensurePackages(INTEROP_PACKAGES, (line) => process.stderr.write(`interop: ${line}\n`));
  try {
    project.provide('realServers', await startServers());
  } catch (error) {
    await stopAll();
    throw error;
  }
  return stopAll;
}

async function startServers(): Promise<RealServerFacts> {
  const realm = await startMitRealm();
  const apache = await startApache(realm);
  const gssServer = await startGssServer(realm);
  return { realm: realm.facts(), apache: apache.facts(), gssServer: gssServer.facts() };
}
