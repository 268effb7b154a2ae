/**
 * SASL mechanisms, client's side, as state machines without I/O (RFC 4422 section 3).
 *
 * The mechanisms here are "client first": the first data of the exchange is the client's initial response.
 *
 * 1. `next()` gives the initial response. It goes into the request (`Request authentication exchange + Initial response`);
 *    a protocol without that field sends the request alone and the initial response in answer to the server's empty
 *    challenge, which may be passed: `next(new Uint8Array(0))`.
 * 2. `next(challenge)` gives the response to each challenge. A response of no octets is the "empty response": it is sent
 *    like any other. There is always a response to send.
 * 3. `conclude(data)` takes the server's message of success, with its "additional data with success" if there is any, and
 *    gives the security layer to install from the next octet on. A success that comes before the server has proved itself
 *    is an error. A server's failure needs no call but `delete()`.
 *
 * After any error the mechanism and its context are dead.
 */
import { requireOctets } from '../bytes.js';
import { ProtocolError } from '../errors.js';
import type { SecurityContext } from '../gss/securityContext.js';
import type { SecurityLayer } from './securityLayer.js';

/** The client's side of one authentication exchange. */
export interface SaslMechanism {
  /** As registered with IANA, and as it stands in the request. */
  readonly name: string;
  /** Whether nothing is expected but the server's outcome. */
  readonly complete: boolean;
  /** The layer that was agreed, once the exchange is complete; undefined for none. `conclude` gives it too. */
  readonly securityLayer: SecurityLayer | undefined;
  /**
   * The response to a challenge; without argument, or for an empty first challenge, the initial response.
   * @param challenge octets of the challenge, decoded from what the protocol writes them in
   * @returns octets of the response; none at all is the empty response, to be sent as such
   * @throws ProtocolError ERR_SASL_TOKEN, ERR_SASL_LAYER, ERR_GSS_STATE and what the context's `step` and `unwrap` throw
   */
  next(challenge?: Uint8Array): Uint8Array;
  /**
   * Takes the server's message of success.
   * @param additionalData the data that came with it, if the protocol has a field for it and the server used it
   * @returns the security layer to install, undefined for none
   * @throws ProtocolError ERR_SASL_TOKEN when the server ends the exchange too early, ERR_GSS_STATE; what `next` throws
   */
  conclude(additionalData?: Uint8Array): SecurityLayer | undefined;
  /** Ends the exchange and wipes the context's keys, those of an installed layer too. */
  delete(): void;
}

/** What a mechanism answers to a challenge. */
export interface SaslResponse {
  readonly response: Uint8Array;
  /** Whether the exchange is complete on this side. */
  readonly complete: boolean;
}

/** The empty response. */
export const EMPTY_RESPONSE: Uint8Array = new Uint8Array(0);

type State = 'new' | 'waiting' | 'complete' | 'concluded' | 'dead';

/** Base of mechanisms in which the client speaks first and a GSS-API context does the work. */
export abstract class ClientFirstMechanism implements SaslMechanism {
  abstract readonly name: string;
  protected readonly context: SecurityContext;
  #state: State = 'new';
  #securityLayer: SecurityLayer | undefined;

  /** @param context not started, of the mechanism's GSS-API mechanism, with the flags that the mechanism's file names */
  constructor(context: SecurityContext) {
    this.context = context;
  }

  get complete(): boolean {
    return this.#state === 'complete' || this.#state === 'concluded';
  }

  get securityLayer(): SecurityLayer | undefined {
    return this.complete ? this.#securityLayer : undefined;
  }

  next(challenge?: Uint8Array): Uint8Array {
    if (challenge !== undefined) requireOctets(challenge, 'challenge');
    if (challenge === undefined && (this.#state === 'waiting' || this.complete)) {
      throw new TypeError('challenge must be a Uint8Array; only the first call has none');
    }
    this.#notConcluded();
    return this.#orDie(() => (this.#state === 'new' ? this.#begin(challenge) : this.#answer(challenge)));
  }

  conclude(additionalData: Uint8Array = EMPTY_RESPONSE): SecurityLayer | undefined {
    requireOctets(additionalData, 'additionalData');
    this.#notConcluded();
    return this.#orDie(() => {
      if (this.#state === 'waiting' && additionalData.length > 0) this.#finish(additionalData);
      else if (additionalData.length > 0 && this.#state === 'complete') throw unexpected('additional data');
      if (this.#state === 'waiting') throw tooEarly();
      if (this.#state !== 'complete') throw wrongState(this.#state);
      this.#state = 'concluded';
      return this.#securityLayer;
    });
  }

  delete(): void {
    this.#state = 'dead';
    this.context.delete();
  }

  /** Whether a challenge may follow when nothing but the outcome is needed any more. */
  protected readonly mayGoOn: boolean = false;

  /** The initial response. */
  protected abstract initialResponse(): Uint8Array;
  /** The response to a challenge. */
  protected abstract respond(challenge: Uint8Array): SaslResponse;

  /** To be called by `respond` when a layer has been agreed. */
  protected agreeOn(layer: SecurityLayer | undefined): void {
    this.#securityLayer = layer;
  }

  #begin(challenge: Uint8Array | undefined): Uint8Array {
    if (challenge !== undefined && challenge.length > 0) {
      throw saslError('challenge', 'the server speaks first, but the client must', 'RFC 4422 section 3');
    }
    const response = this.initialResponse();
    this.#state = 'waiting';
    return response;
  }

  #answer(challenge: Uint8Array = EMPTY_RESPONSE): Uint8Array {
    if (this.#state === 'complete' && !this.mayGoOn) throw unexpected('challenge');
    if (this.#state !== 'waiting' && this.#state !== 'complete') throw wrongState(this.#state);
    // A context without mutual authentication is established by our own token.
    if (this.context.established) this.#requireMutualAuthentication();
    const { response, complete } = this.respond(challenge);
    if (!complete) return response;
    this.#requireMutualAuthentication();
    this.#state = 'complete';
    return response;
  }

  /** A call too many must not harm the layer that is in use. */
  #notConcluded(): void {
    if (this.#state === 'concluded') throw wrongState(this.#state);
  }

  /** Additional data takes the place of a last challenge whose response is empty (RFC 4422 section 3). */
  #finish(additionalData: Uint8Array): void {
    if (this.#answer(additionalData).length > 0) throw tooEarly();
  }

  /** @throws ProtocolError ERR_SASL_TOKEN unless the server has proved that it holds the service's key */
  #requireMutualAuthentication(): void {
    if (this.context.mutuallyAuthenticated) return;
    throw saslError('mutual authentication', 'the server has not proved itself', 'RFC 4422 section 6.1');
  }

  #orDie<Result>(action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      this.delete();
      throw error;
    }
  }
}

/** The error for a message of the server that is not what it should be. */
export function saslError(place: string, problem: string, rule: string): ProtocolError {
  return new ProtocolError('ERR_SASL_TOKEN', place, problem, rule);
}

function unexpected(what: 'challenge' | 'additional data'): ProtocolError {
  return saslError(what, 'the exchange is complete, only the outcome is expected', 'RFC 4422 section 3');
}

function tooEarly(): ProtocolError {
  return saslError(
    'outcome',
    'the server reports success before the exchange is complete',
    'RFC 4422 section 3',
  );
}

function wrongState(state: State): ProtocolError {
  return new ProtocolError('ERR_GSS_STATE', 'SASL', `not possible: the mechanism is ${STATES[state]}`);
}

const STATES: Readonly<Record<State, string>> = {
  new: 'not started (call next() first)',
  waiting: 'waiting for a challenge',
  complete: 'complete (call conclude())',
  concluded: 'concluded; start a new one',
  dead: 'deleted, or dead after an error; start a new one',
};
