/**
 * SPNEGO, initiator's side (RFC 4178). No mechanism but those offered is ever used, so no downgrade is possible.
 *
 * 0. Where the acceptor speaks first, its hints (MS-SPNG section 3.2.5.2) are checked and change nothing.
 * 1. NegTokenInit: our mechanisms, with the first one's first token (optimistic, section 3.2).
 * 2. NegTokenResp: state, mechanism, the mechanism's token, perhaps a MIC of our list; as many as the mechanism needs. An
 *    acceptor that selects another mechanism of the list has that one started anew.
 * 3. Once the mechanism is complete, both sides exchange a MIC of the list (section 5) where the acceptor asks for it
 *    (request-mic, which it must when it did not take the first mechanism). A MIC that comes unasked is verified and answered, unless
 *    the acceptor says that it is done. A context without integrity has no MICs (section 5).
 *
 * After any error the negotiation and the context inside are dead.
 */
import { equalBytes, requireOctets } from '../bytes.js';
import { KdcError, ProtocolError } from '../errors.js';
import { GSS_FLAGS } from '../gss/flags.js';
import type { SecurityContext, StepResult } from '../gss/securityContext.js';
import { checkHints, readAnswer } from './answer.js';
import { frameSpnego, isMicOf, mechTypeList } from './framing.js';
import { type NegotiableMechanism, notOffered, sameMechanism } from './mechanisms.js';
import { brokenToken, encode, NEG_STATES, type NegTokenResp } from './messages.js';
import { Negotiation } from './negotiation.js';

/** A negotiation that this side starts. */
export class SpnegoInitiator extends Negotiation<SecurityContext> implements SecurityContext {
  readonly #mechanisms: readonly NegotiableMechanism[];
  /** The mechanism in use: the first one until the acceptor selects. */
  #mechanism: NegotiableMechanism;
  #answered = false;
  /** Whether the acceptor has demanded MICs. */
  #micDue = false;
  #micSent = false;
  #micVerified = false;

  /**
   * @param mechanisms what to offer, most preferred first (`krb5Mechanisms` makes the list for krb5)
   * @throws RangeError for an empty list
   */
  constructor(mechanisms: readonly NegotiableMechanism[]) {
    const [first] = mechanisms;
    if (first === undefined) throw new RangeError('mechanisms must not be empty');
    super(first.start());
    this.#mechanisms = mechanisms;
    this.#mechanism = first;
  }

  /** The context inside, of the mechanism in use. */
  get context(): SecurityContext {
    return this.inner;
  }

  /**
   * Takes the peer's token, gives ours. The first call has no token, an empty one, or the hints of an acceptor that speaks
   * first. A last token for the acceptor may come with `done`.
   * @throws ProtocolError ERR_SPNEGO_TOKEN, ERR_SPNEGO_MECHANISM, ERR_SPNEGO_REJECTED, ERR_SPNEGO_MIC, ERR_GSS_STATE,
   *   ERR_ASN1 and what `step` of the context inside throws
   */
  step(token?: Uint8Array): StepResult {
    if (token !== undefined) requireOctets(token, 'token');
    try {
      if (this.state === 'new') return this.#begin(token);
      if (this.state === 'waiting' && token !== undefined) return this.#respond(readAnswer(token));
      throw this.noStep();
    } catch (error) {
      this.delete();
      throw error;
    }
  }

  #begin(hints: Uint8Array | undefined): StepResult {
    if (hints !== undefined && hints.length > 0) checkHints(hints, this.#mechanisms);
    const { token: mechToken } = this.inner.step();
    const mechTypes = this.#offered;
    this.state = 'waiting';
    return {
      token: frameSpnego(encode('NegotiationToken', { negTokenInit: { mechTypes, mechToken } })),
      done: false,
    };
  }

  #respond(answer: NegTokenResp): StepResult {
    const { negState, responseToken } = answer;
    if (negState === NEG_STATES.reject) throw this.#rejected(responseToken);
    const reselected = this.#select(answer);
    if (negState === NEG_STATES.requestMic) this.#micDue = true;
    const mechToken = reselected ? this.inner.step().token : this.#stepMechanism(responseToken);
    this.#checkMic(answer);
    const complete = this.inner.established;
    if (negState === NEG_STATES.acceptCompleted && (!complete || mechToken !== undefined)) {
      throw brokenToken('negState', 'accept-completed before the mechanism is complete');
    }
    if (!complete || mechToken !== undefined) return this.#continue(mechToken);
    return this.#complete(negState);
  }

  /**
   * Takes note of the acceptor's choice. The other identifier of the same mechanism changes nothing, for acceptors answer
   * with either, unless the acceptor asks for a first token anew.
   * @returns whether another context was made
   */
  #select(answer: NegTokenResp): boolean {
    const first = !this.#answered;
    this.#answered = true;
    const { supportedMech } = answer;
    if (supportedMech === undefined || supportedMech === this.#mechanism.oid) return false;
    const same = sameMechanism(supportedMech, this.#mechanism.oid);
    const mechanism = this.#mechanisms.find(({ oid }) => oid === supportedMech);
    if (mechanism === undefined && !same) throw notOffered('supportedMech', supportedMech);
    const anew = first && asksAnew(answer);
    if (same && (!anew || mechanism === undefined)) return false;
    if (!anew) {
      throw brokenToken(
        'supportedMech',
        'another mechanism needs request-mic in the first answer and no token',
      );
    }
    this.inner.delete();
    this.#mechanism = mechanism!;
    this.inner = mechanism!.start();
    return true;
  }

  /** Hands the mechanism its token. Empty ones come from old servers where the mechanism is complete, and mean none. */
  #stepMechanism(responseToken: Uint8Array | undefined): Uint8Array | undefined {
    const missing = responseToken === undefined || responseToken.length === 0;
    if (!this.inner.established) {
      if (missing) throw brokenToken('responseToken', 'missing, and the mechanism is not complete');
      return this.inner.step(responseToken).token;
    }
    if (!missing) throw brokenToken('responseToken', 'the mechanism is complete and expects no token');
    return undefined;
  }

  /** An error token of the mechanism says more than "reject". */
  #rejected(responseToken: Uint8Array | undefined): Error {
    try {
      if (responseToken !== undefined && !this.inner.established) this.inner.step(responseToken);
    } catch (error) {
      if (error instanceof KdcError) return error;
    }
    return new ProtocolError(
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
    if (!this.inner.established) throw brokenMic('it came before the mechanism is complete');
    if (!isMicOf(this.inner, mechTypeList(this.#offered), mechListMic)) {
      throw brokenMic('the list of mechanisms was changed on its way');
    }
    this.#micVerified = true;
  }

  /** The mechanism has another token for the acceptor; with its last one goes the MIC, if that is due (section 5 c). */
  #continue(responseToken: Uint8Array | undefined): StepResult {
    const wanted = this.#micNeeded || this.#micVerified;
    const mechListMic = this.inner.established && wanted ? this.#mic() : undefined;
    return {
      token: response({ negState: NEG_STATES.acceptIncomplete, responseToken, mechListMic }),
      done: false,
    };
  }

  /**
   * Nothing is left to do for the mechanism: the MICs decide (section 5 b). After accept-completed the acceptor expects no
   * message, so it gets none, not even our MIC.
   */
  #complete(negState: number | undefined): StepResult {
    if (this.#micNeeded && !this.#micVerified) throw brokenMic('the acceptor demanded MICs and sent none');
    const expected = negState !== NEG_STATES.acceptCompleted;
    const token =
      expected && this.#micVerified && !this.#micSent
        ? response({ negState: NEG_STATES.acceptCompleted, mechListMic: this.#mic() })
        : undefined;
    this.state = 'done';
    return { token, done: true };
  }

  get #offered(): readonly string[] {
    return this.#mechanisms.map(({ oid }) => oid);
  }

  get #micNeeded(): boolean {
    return this.#micDue && (this.inner.flags & GSS_FLAGS.integrity) !== 0;
  }

  #mic(): Uint8Array {
    this.#micSent = true;
    return this.inner.mic(mechTypeList(this.#offered));
  }
}

/**
 * Whether the acceptor wants the first token of the mechanism that it selects, as section 3.2 c) II has it. Heimdal 7 and Java
 * select with accept-incomplete and send no MICs then; so nothing would protect the choice, and it is refused as by MIT krb5.
 */
function asksAnew({ negState, responseToken, mechListMic }: NegTokenResp): boolean {
  return negState === NEG_STATES.requestMic && responseToken === undefined && mechListMic === undefined;
}

function response(negTokenResp: NegTokenResp): Uint8Array {
  return encode('NegotiationToken', { negTokenResp });
}

function brokenMic(problem: string): ProtocolError {
  return new ProtocolError('ERR_SPNEGO_MIC', 'mechListMIC', problem, 'RFC 4178 section 5');
}
