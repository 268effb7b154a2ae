/** What a login asks for: options, lifetimes and flags, with the defaults of krb5.conf and MIT krb5. */
import type { AsRequest } from '../exchange/as.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import type { Principal } from '../formats/principal.js';
import { NAME_TYPES } from '../iana/nameTypes.js';
import type { HostAddress } from '../messages/basic.js';
import { KDC_OPTIONS } from '../messages/flags.js';
import { checkSeconds } from './arguments.js';

/** How to log in. Lifetimes are whole seconds. */
export interface LoginOptions {
  /** Another initial ticket than a ticket-granting ticket, such as `kadmin/changepw`. */
  readonly service?: Principal | undefined;
  /** At least 1. `ticket_lifetime` of krb5.conf unless given, else 24 h; the KDC may give less. */
  readonly lifetimeSeconds?: number | undefined;
  /** Asks for a renewable ticket, unless 0. `renew_lifetime` of krb5.conf unless given. */
  readonly renewLifetimeSeconds?: number | undefined;
  /**
   * Asks for a postdated ticket that starts so much later, and whose lifetimes begin then. It is invalid until a KDC
   * has validated it (RFC 4120 section 2.2; `krb5 kinit -v`).
   */
  readonly startSeconds?: number | undefined;
  readonly forwardable?: boolean | undefined;
  readonly proxiable?: boolean | undefined;
  /** Addresses from which alone the ticket can be used; none unless given. */
  readonly addresses?: readonly HostAddress[] | undefined;
  /** Whether the ticket shall have a PAC ([MS-KILE] section 2.2.3); the KDC decides unless given. */
  readonly requestPac?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_LIFETIME_SECONDS = 24 * 3600;
/** 2038-01-19: some KDCs read times as signed 32-bit numbers. */
const LATEST = 0x7fffffff;

/**
 * The request of a login.
 * @throws TypeError, RangeError naming the option that is wrong
 */
export function loginRequest(
  client: Principal,
  config: Krb5Config,
  etypes: readonly number[],
  nowMs: number,
  options: LoginOptions,
): AsRequest {
  checkLifetimes(options);
  const { startSeconds, requestPac, addresses } = options;
  const start = Math.floor(nowMs / 1000) + (startSeconds ?? 0);
  const lifetime = options.lifetimeSeconds ?? config.ticketLifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS;
  const renewal = options.renewLifetimeSeconds ?? config.renewLifetimeSeconds ?? 0;
  const till = Math.min(start + lifetime, LATEST);
  return {
    client,
    server: options.service,
    kdcOptions: kdcOptions(client, config, options, renewal > 0),
    from: startSeconds === undefined ? undefined : Math.min(start, LATEST),
    till,
    rtime: renewal > 0 ? Math.min(Math.max(start + renewal, till), LATEST) : undefined,
    etypes,
    addresses,
    requestPac,
  };
}

function checkLifetimes({ lifetimeSeconds, renewLifetimeSeconds, startSeconds }: LoginOptions): void {
  checkSeconds(lifetimeSeconds, 'lifetimeSeconds');
  checkSeconds(renewLifetimeSeconds, 'renewLifetimeSeconds', 0);
  checkSeconds(startSeconds, 'startSeconds');
}

function kdcOptions(
  client: Principal,
  config: Krb5Config,
  options: LoginOptions,
  renewable: boolean,
): number {
  const enterprise = client.nameType === NAME_TYPES['NT-ENTERPRISE'];
  let flags: number = renewable ? KDC_OPTIONS.renewable : KDC_OPTIONS.renewableOk;
  if (options.forwardable ?? config.forwardable) flags |= KDC_OPTIONS.forwardable;
  if (options.proxiable ?? config.proxiable) flags |= KDC_OPTIONS.proxiable;
  if (options.startSeconds !== undefined) flags |= KDC_OPTIONS.allowPostdate | KDC_OPTIONS.postdated;
  // What an enterprise name stands for is the KDC's to say (RFC 6806 section 5).
  if (config.canonicalize || enterprise) flags |= KDC_OPTIONS.canonicalize;
  return flags;
}
