/**
 * SPNEGO, acceptor's side (RFC 4178), with krb5 as the one mechanism.
 *
 * 1. NegTokenInit. krb5 first in the list: its optimistic token is used and, when the mechanism is complete, so is the
 *    negotiation. krb5 further down: request-mic without a token; the optimistic token of another mechanism is ignored.
 * 2. NegTokenResp with the mechanism's token; then, where MICs are due, both sides exchange a MIC of the list (section 5).
 * 3. No krb5 in the list: reject.
 */
import { parseTlv } from '../asn1/tlv.js';
import { ProtocolError } from '../errors.js';
import type { Credential } from '../formats/credential.js';
import type { Principal } from '../formats/principal.js';
import { ForwardedMessages } from '../gss/forwardedMessages.js';
import type { MessageContext, StepResult } from '../gss/securityContext.js';
import { KRB5_OID, MS_KRB5_OID } from '../gss/token.js';
import { decode, encode, NEG_STATES, type NegTokenResp } from '../spnego/messages.js';
import { AcceptError } from './acceptError.js';
import type { AcceptedContext, AcceptorContext } from './acceptorContext.js';

/** A negotiation that the other side starts. */
export class SpnegoAcceptor extends ForwardedMessages implements AcceptedContext {
  readonly #context: AcceptorContext;
  #state: 'new' | 'waiting' | 'done' | 'dead' = 'new';
  /** Whether MICs must be exchanged. */
  #micDue: boolean;
  #micSent = false;
  #micVerified = false;
  #mechanism: string = KRB5_OID;
  /** DER of the list as it came: what the MICs cover. */
  #mechTypeList: Uint8Array = new Uint8Array(0);

  /** @param requestMic demands MICs even where they are not needed */
  constructor(context: AcceptorContext, requestMic = false) {
    super();
    this.#context = context;
    this.#micDue = requestMic;
  }

  get established(): boolean {
    return this.#state === 'done';
  }

  get mutuallyAuthenticated(): boolean {
    return this.established && this.#context.mutuallyAuthenticated;
  }

  /** Who the initiator is, once the whole negotiation is complete. */
  get client(): Principal | undefined {
    return this.established ? this.#context.client : undefined;
  }

  get service(): Principal | undefined {
    return this.#context.service;
  }

  get source(): Principal {
    return this.#context.source;
  }

  get target(): Principal {
    return this.#context.target;
  }

  get endTime(): number {
    return this.#context.endTime;
  }

  get protReady(): boolean {
    return this.#context.protReady;
  }

  get flags(): number {
    return this.#context.flags;
  }

  get delegated(): readonly Credential[] {
    return this.established ? this.#context.delegated : [];
  }

  get channelBound(): boolean {
    return this.#context.channelBound;
  }

  /**
   * Takes the initiator's token, gives ours.
   * @throws AcceptError with a NegTokenResp of state reject, around the mechanism's error token if it has one
   */
  step(token?: Uint8Array): StepResult {
    try {
      if (token !== undefined && this.#state === 'new') return this.#begin(token);
      if (token !== undefined && this.#state === 'waiting') return this.#continue(token);
      throw new ProtocolError('ERR_GSS_STATE', 'SPNEGO', `no step is possible: it is ${this.#state}`);
    } catch (error) {
      this.#state = 'dead';
      throw rejection(error);
    }
  }

  delete(): void {
    this.#state = 'dead';
    this.#context.delete();
  }

  protected override ready(): MessageContext {
    return this.#context;
  }

  #begin(token: Uint8Array): StepResult {
    const { mechTypes, mechToken } = readInit(token);
    const chosen = mechTypes.findIndex((oid) => oid === KRB5_OID || oid === MS_KRB5_OID);
    if (chosen < 0) {
      throw new ProtocolError('ERR_SPNEGO_REJECTED', 'mechTypes', `none of ${mechTypes.join(', ')} is krb5`);
    }
    this.#mechanism = mechTypes[chosen]!;
    this.#mechTypeList = encode('MechTypeList', mechTypes);
    if (chosen > 0) this.#micDue = true;
    this.#state = 'waiting';
    if (chosen > 0 || mechToken === undefined) {
      const negState = this.#micDue ? NEG_STATES.requestMic : NEG_STATES.acceptIncomplete;
      return this.#reply({ negState, supportedMech: this.#mechanism });
    }
    return this.#answer(this.#context.step(mechToken).token, NEG_STATES.requestMic, this.#mechanism);
  }

  #continue(token: Uint8Array): StepResult {
    const resp = readResp(token);
    if (resp.negState === NEG_STATES.reject) {
      throw new ProtocolError('ERR_SPNEGO_REJECTED', 'negState', 'the initiator rejects');
    }
    let responseToken: Uint8Array | undefined;
    if (!this.#context.established) {
      if (resp.responseToken === undefined) throw broken('responseToken', 'missing');
      responseToken = this.#context.step(resp.responseToken).token;
    }
    if (resp.mechListMic !== undefined) this.#verifyListMic(resp.mechListMic);
    else if (this.#micSent) throw broken('mechListMIC', 'missing', 'ERR_SPNEGO_MIC');
    return this.#answer(responseToken, NEG_STATES.acceptIncomplete);
  }

  /** The mechanism is complete: so is the negotiation, or the MICs are due. */
  #answer(responseToken: Uint8Array | undefined, incomplete: number, supportedMech?: string): StepResult {
    const complete = !this.#micDue || this.#micVerified;
    if (complete && this.#micSent) return this.#finish(undefined);
    const mechListMic = this.#micDue ? this.#context.mic(this.#mechTypeList) : undefined;
    this.#micSent = this.#micDue;
    const negState = complete ? NEG_STATES.acceptCompleted : incomplete;
    const { token } = this.#reply({ negState, supportedMech, responseToken, mechListMic });
    return complete ? this.#finish(token) : { token, done: false };
  }

  #finish(token: Uint8Array | undefined): StepResult {
    this.#state = 'done';
    return { token, done: true };
  }

  #reply(negTokenResp: NegTokenResp): StepResult {
    return { token: encode('NegotiationToken', { negTokenResp }), done: false };
  }

  #verifyListMic(mic: Uint8Array): void {
    try {
      this.#context.verifyMic(this.#mechTypeList, mic);
    } catch {
      throw broken('mechListMIC', 'the list of mechanisms was changed on its way', 'ERR_SPNEGO_MIC');
    }
    this.#micVerified = true;
  }
}

/** NegTokenInit in the framing of RFC 2743 section 3.1. */
function readInit(token: Uint8Array): { mechTypes: readonly string[]; mechToken?: Uint8Array | undefined } {
  const inner = parseTlv(token, 'NegTokenInit').children?.[1];
  if (inner === undefined) throw broken('NegTokenInit', 'not in the framing of RFC 2743 section 3.1');
  const message = decode('NegotiationToken', inner.raw);
  if ('negTokenInit' in message) return message.negTokenInit;
  throw broken('NegotiationToken', 'a NegTokenResp begins no negotiation');
}

function readResp(token: Uint8Array): NegTokenResp {
  const message = decode('NegotiationToken', token);
  if ('negTokenResp' in message) return message.negTokenResp;
  throw broken('NegotiationToken', 'a second NegTokenInit');
}

function broken(
  place: string,
  problem: string,
  code: 'ERR_SPNEGO_TOKEN' | 'ERR_SPNEGO_MIC' = 'ERR_SPNEGO_TOKEN',
): ProtocolError {
  return new ProtocolError(code, place, problem, 'RFC 4178 sections 4.2 and 5');
}

/** The same error with a NegTokenResp of state reject as its token. */
function rejection(error: unknown): unknown {
  if (!(error instanceof AcceptError) && !(error instanceof ProtocolError)) return error;
  const responseToken = error instanceof AcceptError ? error.token : undefined;
  const negTokenResp = { negState: NEG_STATES.reject, responseToken };
  const token = encode('NegotiationToken', { negTokenResp });
  return new AcceptError(error.code, error.message, token, { cause: error });
}
