/** What the entries of HTTP Negotiate (RFC 4559) can be told. */
import type { Client } from '../../client/client.js';
import type { Principal } from '../../formats/principal.js';
import type { Trace } from '../../trace.js';

/**
 * Whether the server must prove itself, and what happens when it does not.
 *
 * - `required`: a response without a verified proof (the AP-REP in `WWW-Authenticate`) is not handed out: it rejects with
 *   ERR_HTTP_MUTUAL_AUTH. Responses of status 400 and above are handed out, sanitized (`sanitizeErrors`).
 * - `optional`: a proof that comes must be right, one that is missing is no error.
 * - `disabled`: no proof is asked for, none is verified.
 */
export type MutualAuthentication = 'required' | 'optional' | 'disabled';

/** How tokens are bound to the TLS channel (`tls-server-end-point`, RFC 5929 section 4). */
export type ChannelBindingPolicy = 'auto' | 'required' | 'off';

/** What every entry can be told. */
export interface NegotiateOptions {
  /**
   * Whose tickets: nothing is used that the program did not name. A function chooses by origin, such as
   * `https://www.example.test`; undefined means no token for that origin.
   */
  readonly client: Client | ((origin: string) => Client | undefined | Promise<Client | undefined>);
  /**
   * Origins that may get a token, such as `https://www.example.test` or `http://127.0.0.1:8080`, or a function that says
   * so. `negotiateFetch` and `negotiateRequest`: the origin of the URL that the caller passed unless given.
   */
  readonly origins?: readonly string[] | ((origin: string) => boolean) | undefined;
  /** `required` unless given. */
  readonly mutual?: MutualAuthentication | undefined;
  /**
   * With mutual `required`, whether responses of status 400 and above without a verified proof lose their body and all
   * headers but date and server (and, for 401 and 407, the challenges). true unless given.
   */
  readonly sanitizeErrors?: boolean | undefined;
  /** Sends a token with every request without waiting for a 401. false unless given. */
  readonly preemptive?: boolean | undefined;
  /**
   * The service: `HTTP` (default) for `HTTP@` and the host of the URL, a whole name such as `HTTP@www.example.test` or
   * `HTTP/www.example.test@EXAMPLE.TEST`, a principal, or a function that gives one of them by origin.
   */
  readonly service?: string | Principal | ((origin: string) => string | Principal) | undefined;
  /** Host name of the service where it differs from the URL's, for example behind a load balancer. */
  readonly hostname?: string | undefined;
  /** `spnego` unless given; `krb5` sends the krb5 token as it is. */
  readonly mechanism?: 'spnego' | 'krb5' | undefined;
  /**
   * Delegates the client's ticket-granting ticket to the server: always (`true`), or when the KDC marked the service
   * (`ok-as-delegate`). false unless given. Never over http:// (ERR_HTTP_DELEGATION), never to an origin to which a
   * redirect led (of which `negotiateInterceptor` knows nothing: there, the origins of its list).
   */
  readonly delegate?: boolean | 'ok-as-delegate' | undefined;
  /**
   * - `auto` (default): over TLS, tokens are bound to the server's certificate as soon as it is known, which it is after
   *   the handshake of a connection.
   * - `required`: a token without binding is never sent over TLS. A certificate that is not known is learnt by a TLS
   *   handshake of its own; if that fails, ERR_HTTP_CHANNEL_BINDING.
   * - `off`: none.
   */
  readonly channelBindings?: ChannelBindingPolicy | undefined;
  /**
   * A server that has proved itself over https:// may answer later requests to the same origin without a proof, because
   * it keeps sessions by cookie or by connection; TLS vouches for it then. false unless given.
   */
  readonly sessions?: boolean | undefined;
  /**
   * How many octets of a body that can be read only once (a stream, an iterable) are kept, so that it can be sent again
   * after a 401 or a redirect. 0 unless given: such a body is refused with ERR_HTTP_BODY_REPLAY when it would have to be
   * sent again. The body of a Request object counts as a stream; of it 1 MiB is kept unless given.
   */
  readonly replayLimit?: number | undefined;
  /** Receives what happens; no tokens in it. */
  readonly trace?: Trace | undefined;
}
