/** Pairs of a negotiation with a list of its own and the scripted acceptor. */
import { expect } from 'vitest';
import { utf8 } from '../../src/bytes.js';
import { InitiatorContext, type InitiatorOptions } from '../../src/gss/context.js';
import type { SecurityContext, StepResult } from '../../src/gss/securityContext.js';
import { KRB5_OID } from '../../src/gss/token.js';
import type { NegotiableMechanism } from '../../src/spnego/mechanisms.js';
import { decode, type NegTokenResp } from '../../src/spnego/messages.js';
import { SpnegoInitiator } from '../../src/spnego/negotiate.js';
import { codeThrown } from '../support/gssContexts.js';
import { type AcceptorOptions, ScriptedAcceptor, testEnvironment } from '../support/scriptedAcceptor.js';

/** A mechanism that nobody else knows. */
export const OTHER_OID = '1.3.6.1.4.1.5322.99.1';

/** Both sides of a negotiation, and how many contexts were started. */
export interface Negotiated {
  readonly negotiation: SpnegoInitiator;
  readonly acceptor: ScriptedAcceptor;
  readonly contexts: SecurityContext[];
}

/** A negotiation that offers `oids`, each a krb5 context; nothing has been sent. */
export function offering(
  oids: readonly string[] = [KRB5_OID],
  options: Omit<InitiatorOptions, 'credential'> = {},
  acceptorOptions: AcceptorOptions = {},
): Negotiated {
  const acceptor = new ScriptedAcceptor(acceptorOptions);
  const contexts: SecurityContext[] = [];
  const mechanisms: NegotiableMechanism[] = oids.map((oid, index) => ({
    oid,
    start: () => {
      const { credential } = acceptor;
      const environment = testEnvironment(undefined, 7 * contexts.length + index + 1);
      contexts.push(new InitiatorContext({ credential, ...options }, environment));
      return contexts.at(-1)!;
    },
  }));
  return { negotiation: new SpnegoInitiator(mechanisms), acceptor, contexts };
}

/** The same after the acceptor has read the first token. */
export function offered(...args: Parameters<typeof offering>): Negotiated {
  const negotiated = offering(...args);
  negotiated.acceptor.acceptNegTokenInit(negotiated.negotiation.step().token!);
  return negotiated;
}

/** The fields of a NegTokenResp that the initiator sent. */
export function respOf({ token }: StepResult): NegTokenResp {
  const message = decode('NegotiationToken', token!);
  if (!('negTokenResp' in message)) throw new Error('no NegTokenResp');
  return message.negTokenResp;
}

const hello = utf8('hello');

/** Messages go both ways. */
export function exchangesMessages({ negotiation, acceptor }: Negotiated): void {
  expect([negotiation.established, negotiation.protReady]).toEqual([true, true]);
  expect(acceptor.unwrap(negotiation.wrap(hello)).message).toEqual(hello);
  expect(negotiation.unwrap(acceptor.wrap(hello)).message).toEqual(hello);
  acceptor.verifyMic(hello, negotiation.mic(hello));
  negotiation.verifyMic(hello, acceptor.mic(hello));
}

/** The negotiation refuses `token` and is dead with every context inside. */
export function refuses({ negotiation, contexts }: Negotiated, token: Uint8Array, code: string): void {
  expect(codeThrown(() => negotiation.step(token))).toBe(code);
  expect([negotiation.established, negotiation.protReady]).toEqual([false, false]);
  for (const context of contexts) expect(codeThrown(() => context.wrap(hello))).toBe('ERR_GSS_STATE');
  expect(codeThrown(() => negotiation.step())).toBe('ERR_GSS_STATE');
}

/** What `action` throws. */
export function errorOf(action: () => unknown): { readonly code: string; readonly message: string } {
  try {
    action();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('it should have failed');
}
