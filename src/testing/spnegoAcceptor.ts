/**
 * SPNEGO, acceptor's side (RFC 4178), with krb5 under both its identifiers.
 *
 * 0. Without a token: NegTokenInit2, the hints of an acceptor that speaks first (MS-SPNG section 3.2.5.2).
 * 1. NegTokenInit. What the acceptor prefers of the list is selected. The initiator's first mechanism: its optimistic token
 *    is used and, when the mechanism is complete, so may be the negotiation. Another one: request-mic without a token; the
 *    optimistic token, which is another mechanism's, is ignored. None: reject.
 * 2. NegTokenResp with the mechanism's token, as many as it needs; then, where MICs are due, both sides exchange a MIC of the
 *    list (section 5).
 */
import { ProtocolError } from '../errors.js';
import type { Credential } from '../formats/credential.js';
import type { Principal } from '../formats/principal.js';
import { GSS_FLAGS } from '../gss/flags.js';
import type { StepResult } from '../gss/securityContext.js';
import { KRB5_OID, MS_KRB5_OID } from '../gss/token.js';
import { frameSpnego, isMicOf, mechTypeList, readOffer } from '../spnego/framing.js';
import { brokenToken, decode, encode, NEG_STATES, type NegTokenResp } from '../spnego/messages.js';
import { Negotiation } from '../spnego/negotiation.js';
import { AcceptError } from './acceptError.js';
import type { AcceptedContext, AcceptorContext } from './acceptorContext.js';

/** How an acceptor negotiates. */
export interface SpnegoAcceptorOptions {
  /** Demands MICs even where they are not needed. */
  readonly requestMic?: boolean | undefined;
  /**
   * Identifiers of Kerberos to accept, most preferred first. Unless given, both are, and the initiator's order counts, as
   * with MIT krb5.
   */
  readonly mechanisms?: readonly string[] | undefined;
}

/** What MS-SPNG section 2.2.1 has servers say. */
const HINT_NAME = 'not_defined_in_RFC4178@please_ignore';
const BOTH: readonly string[] = [KRB5_OID, MS_KRB5_OID];

/** A negotiation that the other side starts. */
export class SpnegoAcceptor extends Negotiation<AcceptorContext> implements AcceptedContext {
  readonly #mechanisms: readonly string[] | undefined;
  /** Whether MICs must be exchanged. */
  #micDue: boolean;
  #micSent = false;
  #micVerified = false;
  /** DER of the list as it came: what the MICs cover. */
  #mechTypeList: Uint8Array = new Uint8Array(0);

  constructor(context: AcceptorContext, options: SpnegoAcceptorOptions = {}) {
    super(context);
    this.#mechanisms = options.mechanisms;
    this.#micDue = options.requestMic ?? false;
  }

  /** Who the initiator is, once the whole negotiation is complete. */
  get client(): Principal | undefined {
    return this.state === 'done' ? this.inner.client : undefined;
  }

  get service(): Principal | undefined {
    return this.inner.service;
  }

  get delegated(): readonly Credential[] {
    return this.state === 'done' ? this.inner.delegated : [];
  }

  get channelBound(): boolean {
    return this.inner.channelBound;
  }

  /**
   * Takes the initiator's token, gives ours. Without a token, or with an empty one, the first call gives hints.
   * @throws AcceptError with a NegTokenResp of state reject, around the mechanism's error token if it has one
   */
  step(token?: Uint8Array): StepResult {
    try {
      if (this.state === 'new')
        return token === undefined || token.length === 0 ? this.#hints() : this.#begin(token);
      if (token !== undefined && this.state === 'waiting') return this.#continue(token);
      throw this.noStep();
    } catch (error) {
      this.delete();
      throw rejection(error);
    }
  }

  #hints(): StepResult {
    const negTokenInit = {
      mechTypes: this.#mechanisms ?? BOTH,
      micOrHints: encode('NegHints', { hintName: HINT_NAME }),
    };
    return { token: frameSpnego(encode('NegotiationToken', { negTokenInit })), done: false };
  }

  #begin(token: Uint8Array): StepResult {
    const { mechTypes = [], mechToken } = readOffer(token);
    const chosen = this.#choose(mechTypes);
    this.#mechTypeList = mechTypeList(mechTypes);
    // Section 5: only the mechanism that both prefer most goes without MICs.
    const preferred = this.#mechanisms?.[0] ?? chosen;
    if (chosen !== mechTypes[0] || chosen !== preferred) this.#micDue = true;
    this.state = 'waiting';
    if (chosen !== mechTypes[0] || mechToken === undefined) {
      const negState = this.#micDue ? NEG_STATES.requestMic : NEG_STATES.acceptIncomplete;
      return this.#reply({ negState, supportedMech: chosen });
    }
    const { token: responseToken } = this.inner.step(mechToken);
    return this.#respond(responseToken, chosen);
  }

  /** The mechanism that the acceptor prefers; without a preference the first of the initiator's list (section 3.1). */
  #choose(mechTypes: readonly string[]): string {
    const chosen =
      this.#mechanisms === undefined
        ? mechTypes.find((oid) => BOTH.includes(oid))
        : this.#mechanisms.find((oid) => mechTypes.includes(oid));
    if (chosen !== undefined) return chosen;
    throw new ProtocolError(
      'ERR_SPNEGO_REJECTED',
      'mechTypes',
      `none of ${mechTypes.slice(0, 10).join(', ')} is accepted`,
    );
  }

  #continue(token: Uint8Array): StepResult {
    const resp = readResp(token);
    if (resp.negState === NEG_STATES.reject) {
      throw new ProtocolError('ERR_SPNEGO_REJECTED', 'negState', 'the initiator rejects');
    }
    const lastOfMechanism = !this.inner.established;
    const responseToken = lastOfMechanism ? this.#stepMechanism(resp) : undefined;
    if (resp.mechListMic !== undefined) this.#verifyListMic(resp.mechListMic);
    else if (this.#micSent || (lastOfMechanism && responseToken === undefined && this.#micNeeded))
      throw brokenMic('missing');
    return this.#respond(responseToken);
  }

  #stepMechanism({ responseToken }: NegTokenResp): Uint8Array | undefined {
    if (responseToken === undefined) throw brokenToken('responseToken', 'missing');
    return this.inner.step(responseToken).token;
  }

  /** The mechanism has had its token: it goes on, the MICs are due, or all is complete. */
  #respond(responseToken: Uint8Array | undefined, supportedMech?: string): StepResult {
    const going =
      supportedMech !== undefined && this.#micDue ? NEG_STATES.requestMic : NEG_STATES.acceptIncomplete;
    if (!this.inner.established) return this.#reply({ negState: going, supportedMech, responseToken });
    const complete = !this.#micNeeded || this.#micVerified;
    if (complete && this.#micSent) return this.#finish(undefined);
    const mechListMic = this.#micNeeded ? this.inner.mic(this.#mechTypeList) : undefined;
    this.#micSent = mechListMic !== undefined;
    const negState = complete ? NEG_STATES.acceptCompleted : going;
    const { token } = this.#reply({ negState, supportedMech, responseToken, mechListMic });
    return complete ? this.#finish(token) : { token, done: false };
  }

  #finish(token: Uint8Array | undefined): StepResult {
    this.state = 'done';
    return { token, done: true };
  }

  #reply(negTokenResp: NegTokenResp): StepResult {
    return { token: encode('NegotiationToken', { negTokenResp }), done: false };
  }

  /** Whether MICs are due and possible: a context without integrity has none (section 5). */
  get #micNeeded(): boolean {
    return this.#micDue && (this.inner.flags & GSS_FLAGS.integrity) !== 0;
  }

  #verifyListMic(mic: Uint8Array): void {
    if (!this.inner.established) throw brokenMic('it came before the mechanism is complete');
    if (!isMicOf(this.inner, this.#mechTypeList, mic)) {
      throw brokenMic('the list of mechanisms was changed on its way');
    }
    this.#micDue = true;
    this.#micVerified = true;
  }
}

function readResp(token: Uint8Array): NegTokenResp {
  const message = decode('NegotiationToken', token);
  if ('negTokenResp' in message) return message.negTokenResp;
  throw brokenToken('NegotiationToken', 'a second NegTokenInit');
}

function brokenMic(problem: string): ProtocolError {
  return new ProtocolError('ERR_SPNEGO_MIC', 'mechListMIC', problem, 'RFC 4178 section 5');
}

/** The same error with a NegTokenResp of state reject as its token. */
function rejection(error: unknown): unknown {
  if (!(error instanceof AcceptError) && !(error instanceof ProtocolError)) return error;
  const responseToken = error instanceof AcceptError ? error.token : undefined;
  const negTokenResp = { negState: NEG_STATES.reject, responseToken };
  const token = encode('NegotiationToken', { negTokenResp });
  return new AcceptError(error.code, error.message, token, { cause: error });
}
