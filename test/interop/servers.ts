/** The running servers, for a test file: const { realm, apache, gssServer } = servers(). */

import { inject } from 'vitest';
import {
  type AttachedApache,
  type AttachedGssServer,
  type AttachedRealm,
  attachApache,
  attachGssServer,
  attachMitRealm,
} from '../../scripts/realServers/index.mjs';

export interface Servers {
  realm: AttachedRealm;
  apache: AttachedApache;
  gssServer: AttachedGssServer;
}

/** Attaches to what globalSetup.ts has started. */
export function servers(): Servers {
  const facts = inject('realServers');
  return {
    realm: attachMitRealm(facts.realm),
    apache: attachApache(facts.apache),
    gssServer: attachGssServer(facts.gssServer),
  };
}
