/**
 * SPNEGO, initiator's side (RFC 4178), with krb5 as the one mechanism: no downgrade is possible, for nothing else is
 * offered.
 *
 * 1. NegTokenInit with our mechanism and its first token (optimistic, section 3.2).
 * 2. NegTokenResp: state, the mechanism's token, perhaps a MIC of the mechanism list.
 * 3. Where the acceptor asks for it (request-mic), both sides exchange a MIC of the list (section 5); a MIC that comes
 *    unasked is verified too.
 *
 * After any error the negotiation and the context inside are dead.
 */
import { equalBytes } from '../bytes.js';
import { KdcError, ProtocolError } from '../errors.js';
import type { Principal } from '../formats/principal.js';
import type { InitiatorContext } from '../gss/context.js';
import { ForwardedMessages } from '../gss/forwardedMessages.js';
import type { MessageContext, SecurityContext, StepResult } from '../gss/securityContext.js';
import { frameInitialToken, KRB5_OID, MS_KRB5_OID } from '../gss/token.js';
import { decode, encode, NEG_STATES, type NegTokenResp } from './messages.js';

/** 1.3.6.1.5.5.2 as contents octets of an OBJECT IDENTIFIER. */
const SPNEGO_OID_OCTETS: Uint8Array = Uint8Array.of(0x2b, 0x06, 0x01, 0x05, 0x05, 0x02);
const MECH_TYPES: readonly string[] = [KRB5_OID];

type State = 'new' | 'waiting' | 'done' | 'dead';

/** A negotiation that this side starts. */
export class SpnegoInitiator extends ForwardedMessages implements SecurityContext {
  /** The krb5 context inside: flags, wrap, MIC. */
  readonly context: InitiatorContext;
  #state: State = 'new';
  /** Whether the acceptor has demanded MICs. */
  #micRequired = false;
  #micSent = false;
  #micVerified = false;

  constructor(context: InitiatorContext) {
    super();
    this.context = context;
  }

  get flags(): number {
    return this.context.flags;
  }

  get source(): Principal {
    return this.context.source;
  }

  get target(): Principal {
    return this.context.target;
  }

  get endTime(): number {
    return this.context.endTime;
  }

  /** Whether messages may be exchanged: not before the negotiation is complete. */
  get protReady(): boolean {
    return this.established;
  }

  /** Whether the negotiation is complete on both sides and messages may be exchanged. */
  get established(): boolean {
    return this.#state === 'done' && this.context.established;
  }

  /** Whether the acceptor has proved that it holds the service's key. */
  get mutuallyAuthenticated(): boolean {
    return this.established && this.context.mutuallyAuthenticated;
  }

  /**
   * Takes the peer's token, gives ours.
   * @throws ProtocolError ERR_SPNEGO_TOKEN, ERR_SPNEGO_REJECTED, ERR_SPNEGO_MIC, ERR_GSS_STATE, ERR_ASN1 and what
   *   `InitiatorContext.step` throws
   */
  step(token?: Uint8Array): StepResult {
    if (token !== undefined && !(token instanceof Uint8Array))
      throw new TypeError('token must be a Uint8Array');
    try {
      if (this.#state === 'new' && token === undefined) return this.#initialToken();
      if (this.#state === 'waiting' && token !== undefined) return this.#answer(readResp(token));
      throw new ProtocolError(
        'ERR_GSS_STATE',
        'SPNEGO',
        `no step is possible: the negotiation is ${this.#state}`,
      );
    } catch (error) {
      this.delete();
      throw error;
    }
  }

  /** Ends the negotiation and the context: nothing is possible any more, the keys are wiped. */
  delete(): void {
    this.#state = 'dead';
    this.context.delete();
  }

  /** The context, for messages: not before the list of mechanisms is known to be unchanged. */
  protected override ready(): MessageContext {
    if (this.#state === 'done') return this.context;
    throw new ProtocolError(
      'ERR_GSS_STATE',
      'SPNEGO',
      `messages need a complete negotiation; it is ${this.#state}`,
    );
  }

  #initialToken(): StepResult {
    const { token: mechToken } = this.context.step();
    const negTokenInit = { mechTypes: MECH_TYPES, mechToken };
    this.#state = 'waiting';
    return {
      token: frameInitialToken(SPNEGO_OID_OCTETS, encode('NegotiationToken', { negTokenInit })),
      done: false,
    };
  }

  #answer(resp: NegTokenResp): StepResult {
    if (resp.supportedMech !== undefined && !isKrb5(resp.supportedMech)) {
      throw broken('ERR_SPNEGO_TOKEN', 'supportedMech', `${resp.supportedMech} was not offered`);
    }
    if (resp.negState === NEG_STATES.reject) throw this.#rejected(resp.responseToken);
    if ((resp.negState ?? 0) > NEG_STATES.requestMic) {
      throw broken('ERR_SPNEGO_TOKEN', 'negState', `${resp.negState} is no state`, 'RFC 4178 section 4.2.2');
    }
    if (resp.negState === NEG_STATES.requestMic) this.#micRequired = true;
    if (resp.responseToken !== undefined && !this.context.established) this.context.step(resp.responseToken);
    this.#checkMic(resp);
    if (!this.context.established) {
      throw broken('ERR_SPNEGO_TOKEN', 'responseToken', 'missing, and the mechanism is not complete');
    }
    if (resp.negState === NEG_STATES.requestMic && !this.#micVerified) throw missingMic();
    return resp.negState === NEG_STATES.acceptCompleted || resp.negState === undefined
      ? this.#complete()
      : this.#sendMic();
  }

  /** An error token of the mechanism says more than "reject". */
  #rejected(responseToken: Uint8Array | undefined): Error {
    try {
      if (responseToken !== undefined && !this.context.established) this.context.step(responseToken);
    } catch (error) {
      if (error instanceof KdcError) return error;
    }
    return broken(
      'ERR_SPNEGO_REJECTED',
      'negState',
      'the acceptor rejected the negotiation',
      'RFC 4178 section 4.2.2',
    );
  }

  /** Verifies the MIC if there is one; Windows 2000 puts a copy of responseToken there (RFC 4178 appendix C). */
  #checkMic({ mechListMic, responseToken }: NegTokenResp): void {
    if (mechListMic === undefined) return;
    if (responseToken !== undefined && equalBytes(mechListMic, responseToken)) return;
    if (!this.context.established)
      throw broken('ERR_SPNEGO_MIC', 'mechListMIC', 'it came before the mechanism is complete');
    try {
      this.context.verifyMic(mechTypeList(), mechListMic);
    } catch {
      throw broken('ERR_SPNEGO_MIC', 'mechListMIC', 'the list of mechanisms was changed on its way');
    }
    this.#micVerified = true;
  }

  #complete(): StepResult {
    if (this.#micRequired && !this.#micVerified) throw missingMic();
    if (this.#micVerified && !this.#micSent) return this.#finish(this.#micToken(NEG_STATES.acceptCompleted));
    return this.#finish(undefined);
  }

  #finish(token: Uint8Array | undefined): StepResult {
    this.#state = 'done';
    return { token, done: true };
  }

  /** The acceptor goes on after the mechanism is complete: it wants our MIC and owes us its own. */
  #sendMic(): StepResult {
    if (this.#micSent) throw broken('ERR_SPNEGO_TOKEN', 'negState', 'the acceptor does not come to an end');
    this.#micRequired = true;
    if (this.#micVerified) return this.#finish(this.#micToken(NEG_STATES.acceptCompleted));
    return { token: this.#micToken(NEG_STATES.acceptIncomplete), done: false };
  }

  #micToken(negState: number): Uint8Array {
    this.#micSent = true;
    return encode('NegotiationToken', {
      negTokenResp: { negState, mechListMic: this.context.mic(mechTypeList()) },
    });
  }
}

/** What the MIC covers: the DER of the list as we sent it (section 5). */
function mechTypeList(): Uint8Array {
  return encode('MechTypeList', MECH_TYPES);
}

function isKrb5(oid: string): boolean {
  return oid === KRB5_OID || oid === MS_KRB5_OID;
}

function readResp(token: Uint8Array): NegTokenResp {
  const message = decode('NegotiationToken', token);
  if ('negTokenResp' in message) return message.negTokenResp;
  throw broken('ERR_SPNEGO_TOKEN', 'NegotiationToken', 'a NegTokenInit in answer to a NegTokenInit');
}

/** Sections 5 b) IV and 5 c) IV: the reply that completes the mechanism must have the MIC. */
function missingMic(): ProtocolError {
  return broken('ERR_SPNEGO_MIC', 'mechListMIC', 'the acceptor demanded MICs and sent none');
}

function broken(
  code: 'ERR_SPNEGO_TOKEN' | 'ERR_SPNEGO_REJECTED' | 'ERR_SPNEGO_MIC',
  place: string,
  problem: string,
  rule = 'RFC 4178 section 5',
): ProtocolError {
  return new ProtocolError(code, place, problem, rule);
}
