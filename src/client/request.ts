/** What a login asks for: options, lifetimes and flags, with the defaults of krb5.conf and MIT krb5. */
import type { AsRequest } from '../exchange/as.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import type { Principal } from '../formats/principal.js';
import { KDC_OPTIONS } from '../messages/flags.js';

/** How to log in. Lifetimes are seconds from now. */
export interface LoginOptions {
  /** Another initial ticket than a ticket-granting ticket, such as `kadmin/changepw`. */
  readonly service?: Principal | undefined;
  /** `ticket_lifetime` of krb5.conf unless given, else 24 h; the KDC may give less. */
  readonly lifetimeSeconds?: number | undefined;
  /** Asks for a renewable ticket. `renew_lifetime` of krb5.conf unless given. */
  readonly renewLifetimeSeconds?: number | undefined;
  readonly forwardable?: boolean | undefined;
  readonly proxiable?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_LIFETIME_SECONDS = 24 * 3600;
/** 2038-01-19: some KDCs read times as signed 32-bit numbers. */
const LATEST = 0x7fffffff;

/** The request of a login. */
export function loginRequest(
  client: Principal,
  config: Krb5Config,
  etypes: readonly number[],
  nowMs: number,
  options: LoginOptions,
): AsRequest {
  const now = Math.floor(nowMs / 1000);
  const lifetime = options.lifetimeSeconds ?? config.ticketLifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS;
  const renewal = options.renewLifetimeSeconds ?? config.renewLifetimeSeconds ?? 0;
  const till = Math.min(now + lifetime, LATEST);
  return {
    client,
    server: options.service,
    kdcOptions: kdcOptions(config, options, renewal > 0),
    till,
    rtime: renewal > 0 ? Math.min(Math.max(now + renewal, till), LATEST) : undefined,
    etypes,
  };
}

function kdcOptions(config: Krb5Config, options: LoginOptions, renewable: boolean): number {
  let flags: number = renewable ? KDC_OPTIONS.renewable : KDC_OPTIONS.renewableOk;
  if (options.forwardable ?? config.forwardable) flags |= KDC_OPTIONS.forwardable;
  if (options.proxiable ?? config.proxiable) flags |= KDC_OPTIONS.proxiable;
  if (config.canonicalize) flags |= KDC_OPTIONS.canonicalize;
  return flags;
}
