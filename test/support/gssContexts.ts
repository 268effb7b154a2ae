/** Pairs of an initiator's context and the scripted acceptor, and what an action threw. */
import { KerberosError } from '../../src/errors.js';
import { InitiatorContext, type InitiatorOptions } from '../../src/gss/context.js';
import { type AcceptorOptions, ScriptedAcceptor, testEnvironment } from './scriptedAcceptor.js';

/** Both sides of a context. */
export interface ContextPair {
  readonly context: InitiatorContext;
  readonly acceptor: ScriptedAcceptor;
}

/** A context that has not started, and its acceptor. */
export function freshPair(
  acceptorOptions: AcceptorOptions = {},
  options: Omit<InitiatorOptions, 'credential'> = {},
): ContextPair {
  const acceptor = new ScriptedAcceptor(acceptorOptions);
  const context = new InitiatorContext({ credential: acceptor.credential, ...options }, testEnvironment());
  return { context, acceptor };
}

/** A context whose initial token has been accepted. */
export function startedPair(...args: Parameters<typeof freshPair>): ContextPair {
  const pair = freshPair(...args);
  pair.acceptor.acceptToken(pair.context.step().token!);
  return pair;
}

/** An established context. */
export function establishedPair(...args: Parameters<typeof freshPair>): ContextPair {
  const pair = startedPair(...args);
  if (!pair.context.established) pair.context.step(pair.acceptor.apRepToken());
  return pair;
}

/** The code of the KerberosError that `action` throws, 'nothing' when it returns; other errors pass. */
export function codeThrown(action: () => unknown): string {
  try {
    action();
    return 'nothing';
  } catch (error) {
    if (error instanceof KerberosError) return error.code;
    throw error;
  }
}

/** Copies of `octets`, each with another single bit flipped. */
export function* bitFlips(octets: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < 8 * octets.length; bit++) {
    const copy = octets.slice();
    copy[bit >> 3]! ^= 1 << (bit & 7);
    yield copy;
  }
}
