/**
 * THE list of faults: what a hostile or broken KDC, or somebody on the way to it, can do, and what this library's client
 * makes of each. `TestRealm` plays them, a test runs them all, docs/threat-model.md has a row for each.
 */
import { FAULTS_IN_ERRORS } from './faults/errors.js';
import type { Fault } from './faults/fault.js';
import { FAULTS_ON_THE_WAY } from './faults/onTheWay.js';
import { FAULTS_IN_REPLIES } from './faults/replies.js';

/** All faults. */
export const FAULTS: readonly Fault[] = [...FAULTS_ON_THE_WAY, ...FAULTS_IN_ERRORS, ...FAULTS_IN_REPLIES];

/** The fault called `name`. @throws RangeError when there is none */
export function faultOf(name: string): Fault {
  const found = FAULTS.find((fault) => fault.name === name);
  if (found === undefined)
    throw new RangeError(`fault must be one of ${FAULTS.map((one) => one.name).join(', ')}`);
  return found;
}
