/** What krb5.conf says about encryption types and clocks, as the exchanges need it. */
import { SUPPORTED_ETYPES } from '../crypto/etypes.js';
import { CredentialError } from '../errors.js';
import type { Policy } from '../exchange/environment.js';
import { isEtypeAllowed, weakHint } from '../formats/etypeList.js';
import type { Krb5Config } from '../formats/krb5Config.js';

/** The policy of a configuration. */
export function policyOf(config: Krb5Config): Policy {
  return {
    skewSeconds: config.clockSkewSeconds,
    permittedEtypes: permittedEtypes(config),
    kdcTimesync: config.kdcTimesync,
    requiredFlags: 0,
  };
}

/**
 * Encryption types that may be used for anything, best first: those of `permitted_enctypes` that are supported. A weak one
 * must be allowed by its own setting (`allow_rc4`) besides, however it came into the list.
 */
export function permittedEtypes(config: Krb5Config): readonly number[] {
  const { permittedEtypes: listed } = config;
  return listed.filter((etype) => SUPPORTED_ETYPES.includes(etype) && isEtypeAllowed(etype, config));
}

/**
 * Encryption types to offer, best first.
 * @throws CredentialError ERR_ETYPE_POLICY when the configuration leaves none
 */
export function offeredEtypes(config: Krb5Config, exchange: 'AS' | 'TGS'): readonly number[] {
  const wanted = exchange === 'AS' ? config.defaultTktEtypes : config.defaultTgsEtypes;
  const permitted = permittedEtypes(config);
  const offered = wanted.filter((etype) => permitted.includes(etype));
  if (offered.length > 0) return offered;
  const setting = exchange === 'AS' ? 'default_tkt_enctypes' : 'default_tgs_enctypes';
  throw new CredentialError(
    'ERR_ETYPE_POLICY',
    `krb5.conf leaves no encryption type to offer; check permitted_enctypes and ${setting}${weakHint(wanted, permitted)}`,
  );
}
