/** The acceptor of an application server: tokens of clients in, security contexts out. For krb5 and SPNEGO. */
import { equalBytes } from '../bytes.js';
import { systemEnvironment } from '../client/system.js';
import { isWeakEtype, SUPPORTED_ETYPES } from '../crypto/etypes.js';
import type { Environment } from '../exchange/environment.js';
import type { Credential } from '../formats/credential.js';
import { decodeKeytab, type KeytabEntry } from '../formats/keytab.js';
import { type Principal, parsePrincipal } from '../formats/principal.js';
import { type ChannelBindings, checkBindings } from '../gss/bindings.js';
import type { AnomalyPolicy } from '../gss/established.js';
import { type AcceptedContext, AcceptorContext, type AcceptorParts } from './acceptorContext.js';
import { ReplayCache } from './replayCache.js';
import { SpnegoAcceptor, type SpnegoAcceptorOptions } from './spnegoAcceptor.js';

/** How an acceptor works. */
export interface AcceptorOptions {
  /** Octets of a keytab with the service's keys. */
  readonly keytab: Uint8Array;
  /** The service to accept for, with its realm; any of the keytab unless given. */
  readonly service?: string | undefined;
  /** Refuses an initiator that has others; one that has none is let in, as by MIT krb5. */
  readonly channelBindings?: ChannelBindings | undefined;
  /** SPNEGO: demands MICs of the mechanism list even where they are not needed. */
  readonly requestMic?: boolean | undefined;
  /** SPNEGO: identifiers of Kerberos to accept, most preferred first; both in the client's order unless given. */
  readonly spnegoMechanisms?: readonly string[] | undefined;
  /**
   * Encryption types that keys of a context may be of, best first for the acceptor's subkey. Unless given, those that are
   * not weak, and the weak ones of keys in the keytab.
   */
  readonly etypes?: readonly number[] | undefined;
  /** What is done about messages out of their place; `refuse` unless given. */
  readonly anomalies?: AnomalyPolicy | undefined;
  /** Largest difference of clocks, seconds; 300 unless given. */
  readonly skewSeconds?: number | undefined;
  /** Clock and randomness; the system's unless given. */
  readonly environment?: Environment | undefined;
}

/** What a token led to. */
export interface Accepted {
  /** Token for the client, if there is one to send. */
  readonly token: Uint8Array | undefined;
  /** Whether the context is established; otherwise the client's next token goes to `context.step`. */
  readonly done: boolean;
  /** Who the client is, once the context is established. */
  readonly client: Principal | undefined;
  /** What the client delegated. */
  readonly delegated: readonly Credential[];
  readonly context: AcceptedContext;
}

const SKEW_SECONDS = 300;

/** Accepts contexts for a service. One acceptor refuses replays of all tokens that it has seen. */
export class Acceptor {
  readonly #parts: AcceptorParts;
  readonly #spnego: SpnegoAcceptorOptions;

  /** @throws FormatError ERR_KEYTAB_FORMAT, ERR_PRINCIPAL_NAME; TypeError naming what of `channelBindings` is none */
  constructor(options: AcceptorOptions) {
    if (options.channelBindings !== undefined) checkBindings(options.channelBindings);
    const skewSeconds = options.skewSeconds ?? SKEW_SECONDS;
    const keytab = decodeKeytab(options.keytab);
    this.#parts = {
      keytab,
      service: options.service === undefined ? undefined : parsePrincipal(options.service),
      environment: options.environment ?? systemEnvironment(),
      skewSeconds,
      replayCache: new ReplayCache(skewSeconds),
      channelBindings: options.channelBindings,
      permittedEtypes: options.etypes ?? etypesOf(keytab),
      anomalies: options.anomalies,
    };
    this.#spnego = { requestMic: options.requestMic, mechanisms: options.spnegoMechanisms };
  }

  /**
   * Takes a token of a client: the first one, or with `context` the next one of that context.
   * @throws AcceptError whose `code` says why and whose `token`, if any, tells the client
   */
  accept(token: Uint8Array, context: AcceptedContext = this.#contextFor(token)): Accepted {
    const { token: reply, done } = context.step(token);
    return { token: reply, done, client: context.client, delegated: context.delegated, context };
  }

  /**
   * Speaks first, in protocols where servers do: SPNEGO's hints (NegTokenInit2, MS-SPNG section 3.2.5.2). The client's first
   * token goes to the context of these.
   */
  hints(): Accepted {
    const context = new SpnegoAcceptor(new AcceptorContext(this.#parts), this.#spnego);
    return { ...context.step(), client: undefined, delegated: [], context };
  }

  #contextFor(token: Uint8Array): AcceptedContext {
    const krb5 = new AcceptorContext(this.#parts);
    return isSpnego(token) ? new SpnegoAcceptor(krb5, this.#spnego) : krb5;
  }
}

/** Whoever has a weak key in the keytab lets it be used. */
function etypesOf(keytab: readonly KeytabEntry[]): readonly number[] {
  return SUPPORTED_ETYPES.filter(
    (etype) => !isWeakEtype(etype) || keytab.some(({ key }) => key.etype === etype),
  );
}

/** DER of the object identifier 1.3.6.1.5.5.2. */
const SPNEGO_OID: Uint8Array = Uint8Array.of(0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02);

/** Whether the framing of RFC 2743 section 3.1 names SPNEGO. */
function isSpnego(token: Uint8Array): boolean {
  const lengthOctets = (token[1] ?? 0) < 0x80 ? 1 : 1 + (token[1]! & 0x7f);
  const start = 1 + lengthOctets;
  return token[0] === 0x60 && equalBytes(token.subarray(start, start + SPNEGO_OID.length), SPNEGO_OID);
}
