/** What both services of a KDC share. */
import type { Environment } from '../exchange/environment.js';
import type { KdcHooks } from './hooks.js';
import type { PrincipalDatabase, PrincipalEntry } from './principalDatabase.js';
import { Refusal } from './refusal.js';
import type { Limits } from './ticketTimes.js';

/** A KDC's database, clock and settings. */
export interface KdcContext extends Limits {
  readonly database: PrincipalDatabase;
  readonly environment: Environment;
  readonly skewSeconds: number;
  hooks: KdcHooks;
}

/** Whole seconds since 1970 on the KDC's clock. */
export function secondsNow({ environment }: KdcContext): number {
  return Math.floor(environment.nowMs() / 1000);
}

/** The least of what the realm and the principals allow. */
export function limitsFor(kdc: KdcContext, ...entries: readonly PrincipalEntry[]): Limits {
  const least = (limit: keyof Limits): number =>
    Math.min(kdc[limit], ...entries.map(({ options }) => options[limit] ?? Number.POSITIVE_INFINITY));
  return { maxLifeSeconds: least('maxLifeSeconds'), maxRenewSeconds: least('maxRenewSeconds') };
}

/** @throws Refusal as MIT krb5 refuses a service whose account is expired or locked */
export function checkServer({ options }: PrincipalEntry): void {
  if (options.expired === true) throw new Refusal('KDC_ERR_SERVICE_EXP', 'SERVICE EXPIRED');
  if (options.locked === true) throw new Refusal('KDC_ERR_S_PRINCIPAL_UNKNOWN', 'SERVICE LOCKED OUT');
}
