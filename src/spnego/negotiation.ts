/** What both sides of SPNEGO have: how far the negotiation is, and the context inside, whose messages wait for its end. */
import { ProtocolError } from '../errors.js';
import type { Principal } from '../formats/principal.js';
import { ForwardedMessages } from '../gss/forwardedMessages.js';
import type { MessageContext, SecurityContext } from '../gss/securityContext.js';

/** How far a negotiation is. */
export type NegotiationState = 'new' | 'waiting' | 'done' | 'dead';

/** Base of the two sides. */
export abstract class Negotiation<Context extends SecurityContext> extends ForwardedMessages {
  #state: NegotiationState = 'new';
  #inner: Context;

  /** @param inner the context of the mechanism */
  constructor(inner: Context) {
    super();
    this.#inner = inner;
  }

  get flags(): number {
    return this.#inner.flags;
  }

  get source(): Principal {
    return this.#inner.source;
  }

  get target(): Principal {
    return this.#inner.target;
  }

  get endTime(): number {
    return this.#inner.endTime;
  }

  /** Whether messages may be exchanged: not before the negotiation is complete (RFC 4178 section 3.1). */
  get protReady(): boolean {
    return this.established;
  }

  /** Whether the negotiation is complete on both sides and messages may be exchanged. */
  get established(): boolean {
    return this.#state === 'done' && this.#inner.established;
  }

  /** Whether the acceptor has proved that it holds the service's key. */
  get mutuallyAuthenticated(): boolean {
    return this.established && this.#inner.mutuallyAuthenticated;
  }

  /** Ends the negotiation and the context: nothing is possible any more, the keys are wiped. */
  delete(): void {
    this.#state = 'dead';
    this.#inner.delete();
  }

  protected get state(): NegotiationState {
    return this.#state;
  }

  protected set state(state: NegotiationState) {
    this.#state = state;
  }

  protected get inner(): Context {
    return this.#inner;
  }

  protected set inner(inner: Context) {
    this.#inner = inner;
  }

  /** The context, for messages: not before the list of mechanisms is known to be unchanged. */
  protected override ready(): MessageContext {
    if (this.#state === 'done') return this.#inner;
    throw new ProtocolError(
      'ERR_GSS_STATE',
      'SPNEGO',
      `messages need a complete negotiation; it is ${this.#state}`,
    );
  }

  /** The error for a step that does not fit the state. */
  protected noStep(): ProtocolError {
    return new ProtocolError(
      'ERR_GSS_STATE',
      'SPNEGO',
      `no step is possible: the negotiation is ${this.#state}`,
    );
  }
}
