/**
 * A mechanism of any number of tokens, which travel in clear: `initiator 1`, `acceptor 2`, `initiator 3`... Its MICs are the
 * side's name and the message. For the shapes of a negotiation that krb5 does not have.
 */
import { concat, equalBytes, utf8, utf8Text } from '../../src/bytes.js';
import { ProtocolError } from '../../src/errors.js';
import { GSS_FLAGS } from '../../src/gss/flags.js';
import type { SecurityContext } from '../../src/gss/securityContext.js';
import type { NegotiableMechanism } from '../../src/spnego/mechanisms.js';

/** A mechanism of `tokens` tokens, the first one the initiator's. */
export function scriptedMechanism(
  oid: string,
  tokens: number,
  flags: number = GSS_FLAGS.mutual | GSS_FLAGS.integrity,
): NegotiableMechanism {
  return { oid, start: () => scriptedContext(tokens, flags) };
}

/** The token of that number. */
export function legToken(number: number): Uint8Array {
  return utf8(`${number % 2 === 1 ? 'initiator' : 'acceptor'} ${number}`);
}

/** The acceptor's MIC of a message. */
export function acceptorMic(message: Uint8Array): Uint8Array {
  return concat(utf8('acceptor'), message);
}

/** The initiator's. */
export function initiatorMic(message: Uint8Array): Uint8Array {
  return concat(utf8('initiator'), message);
}

function scriptedContext(tokens: number, flags: number): SecurityContext {
  let next = 1;
  const context = {
    flags,
    get established() {
      return next > tokens;
    },
    get mutuallyAuthenticated() {
      return next > tokens;
    },
    step(token?: Uint8Array) {
      if (token !== undefined && !equalBytes(token, legToken(next++))) throw wrong(utf8Text(token));
      const own = next <= tokens ? legToken(next++) : undefined;
      return { token: own, done: next > tokens };
    },
    mic: initiatorMic,
    verifyMic(message: Uint8Array, mic: Uint8Array) {
      if (!equalBytes(mic, acceptorMic(message))) throw wrong('MIC');
      return undefined;
    },
    wrap(message: Uint8Array) {
      if (next > 99) throw new ProtocolError('ERR_GSS_STATE', 'scripted context', 'deleted');
      return message;
    },
    delete() {
      next = 100;
    },
  };
  return context as unknown as SecurityContext;
}

function wrong(what: string): ProtocolError {
  return new ProtocolError('ERR_GSS_TOKEN', 'scripted token', `not the right one: ${what}`);
}
