/** Runs an exchange against KDCs in memory, with a clock and randomness that repeat from run to run. */
import type { Key } from '../../src/crypto/key.js';
import type { Exchange, KeyQuestion, Question } from '../../src/exchange/ask.js';
import type { Environment } from '../../src/exchange/environment.js';

/** What an exchange may be driven against. */
export interface ScriptedServer {
  readonly realm: string;
  reply(message: Uint8Array, tcpOnly: boolean): Uint8Array;
}

/** Gives the client's key, as a keytab or a password would. */
export type KeySource = (question: KeyQuestion) => Key | Promise<Key>;

/** Environment of a test. */
export interface ScriptedEnvironment extends Environment {
  /** Moves the clock. */
  advance(ms: number): void;
}

/** 15 January 2026, 12:00 UTC, in seconds. */
export const START: number = Date.UTC(2026, 0, 15, 12) / 1000;

/** A clock that starts at `startMs` and ticks a microsecond a reading, and octets that follow from `seed`. */
export function scriptedEnvironment(seed: number = 1, startMs: number = START * 1000): ScriptedEnvironment {
  let readings = 0;
  let advancedMs = 0;
  const octet = octetsFrom(seed);
  return {
    nowMs: () => startMs + advancedMs + ++readings / 1000,
    randomBytes: (count) => Uint8Array.from({ length: count }, octet),
    advance(ms) {
      advancedMs += ms;
    },
  };
}

/** A linear congruential generator modulo 2^32, its upper octet. */
function octetsFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
}

/**
 * Answers every question of `exchange` until its result is there.
 * @param servers KDCs, found by realm
 * @param asked receives the questions in their order
 */
export async function drive<Result>(
  exchange: Exchange<Result>,
  servers: ScriptedServer | readonly ScriptedServer[],
  keySource: KeySource = noKey,
  asked: Question[] = [],
): Promise<Result> {
  const all = [servers].flat() as readonly ScriptedServer[];
  let step = exchange.next();
  while (step.done !== true) {
    const question = step.value;
    asked.push(question);
    step = exchange.next(
      question.ask === 'kdc'
        ? serverOf(all, question.realm).reply(question.message, question.tcpOnly)
        : await keySource(question),
    );
  }
  return step.value;
}

function serverOf(servers: readonly ScriptedServer[], realm: string): ScriptedServer {
  const server = servers.find((candidate) => candidate.realm === realm);
  if (server === undefined) throw new RangeError(`no scripted KDC of the realm ${realm}`);
  return server;
}

function noKey(): Key {
  throw new RangeError('no key source was given');
}
