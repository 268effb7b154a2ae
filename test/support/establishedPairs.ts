/** Both sides of an established context, without a negotiation. */
import { Key } from '../../src/crypto/key.js';
import type { Principal } from '../../src/formats/principal.js';
import { type AnomalyPolicy, EstablishedContext, type EstablishedParts } from '../../src/gss/established.js';
import { DEFAULT_FLAGS, GSS_FLAGS } from '../../src/gss/flags.js';
import type { MessageKey } from '../../src/gss/messageKey.js';
import { initialSequence } from '../../src/gss/sequence.js';
import { testEnvironment } from './scriptedAcceptor.js';

export const ETYPES = [17, 18, 19, 20, 23] as const;
const KEY_OCTETS: Readonly<Record<number, number>> = { 17: 16, 18: 32, 19: 16, 20: 32, 23: 16 };
const SOURCE: Principal = { nameType: 1, components: ['alice'], realm: 'EXAMPLE.TEST' };
const TARGET: Principal = { nameType: 3, components: ['HTTP', 'www.example.test'], realm: 'EXAMPLE.TEST' };

/** Octets that differ from each other and by `seed`. */
export function octets(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7 + length + seed * 13);
}

/** A key of the type, always the same one for the same seed. */
export function keyOf(etype: number, seed = 1): Key {
  return new Key(etype, octets(KEY_OCTETS[etype]!, seed));
}

/** How the context is. */
export interface PairOptions {
  readonly etype?: number;
  readonly flags?: number;
  readonly dceStyle?: boolean;
  readonly anomalies?: AnomalyPolicy;
  /** Whether the acceptor has a subkey of its own; it has unless given. */
  readonly acceptorSubkey?: boolean;
  /** Number of the first token, both ways. */
  readonly first?: bigint;
}

/** What one side is made of. */
export function partsOf(side: 'initiator' | 'acceptor', options: PairOptions = {}): EstablishedParts {
  const {
    etype = 18,
    flags = DEFAULT_FLAGS,
    dceStyle = false,
    acceptorSubkey = true,
    first = 1000n,
  } = options;
  return {
    side,
    flags: flags | (dceStyle ? GSS_FLAGS.dceStyle : 0),
    source: SOURCE,
    target: TARGET,
    endTime: 1_800_000_000,
    initiatorKey: keyOf(etype, 1),
    acceptorSubkey: acceptorSubkey ? keyOf(etype, 2) : undefined,
    sendSequence: first,
    received: initialSequence(first),
    anomalies: options.anomalies,
  };
}

/** Both sides. */
export function contextPair(options: PairOptions = {}): {
  initiator: EstablishedContext;
  acceptor: EstablishedContext;
} {
  return {
    initiator: new EstablishedContext(partsOf('initiator', options), testEnvironment()),
    acceptor: new EstablishedContext(partsOf('acceptor', options), testEnvironment(undefined, 5)),
  };
}

/** What one side protects messages with, for the functions below the contexts. */
export function messageKeyOf(side: 'initiator' | 'acceptor', etype: number, dceStyle = false): MessageKey {
  return { key: keyOf(etype), acceptorSubkey: false, sender: side, dceStyle };
}
