/** Checks of what callers pass, for those who write JavaScript: a wrong argument is a TypeError that names it. */
import { FormatError } from '../errors.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import type { Principal } from '../formats/principal.js';

/** @throws TypeError unless `value` is a text that is not empty */
export function checkText(value: unknown, name: string): void {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`${name} must be a text that is not empty`);
}

/**
 * `text` was read as `principal`, who is to log in.
 * @throws FormatError ERR_PRINCIPAL_NAME when the realm is empty
 */
export function checkRealm({ realm }: Principal, text: string): void {
  if (realm !== '') return;
  const problem = `${JSON.stringify(text)} names an empty realm; write it behind the @, or leave out the @ for default_realm`;
  throw new FormatError('principal name', problem);
}

/** @throws TypeError unless `value` is a text or octets */
export function checkPassword(value: unknown): void {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw new TypeError('password must be a string or a Uint8Array');
  }
}

/** @throws TypeError unless `value` is an object, whose `config`, if there is one, is a configuration */
export function checkOptions(value: { readonly config?: Krb5Config | undefined }, hint: string): void {
  if (typeof value !== 'object' || value === null)
    throw new TypeError(`options must be an object such as ${hint}`);
  const { config } = value;
  if (config !== undefined && !(typeof config === 'object' && config.realms instanceof Map)) {
    throw new TypeError(
      'config must be a configuration, as parseConfig(text) or configuration(settings) gives it',
    );
  }
}

/** @throws TypeError unless `value` can name a service */
export function checkService(value: string | Principal): void {
  if (typeof value === 'string') return;
  if (typeof value !== 'object' || value === null || !Array.isArray(value.components)) {
    throw new TypeError('service must be a text such as HTTP@www.example.test, or a principal');
  }
}

/**
 * @throws TypeError unless `value` is undefined or a number
 * @throws RangeError unless that is a whole number of at least `least`
 */
export function checkSeconds(value: number | undefined, name: string, least = 1): void {
  if (value === undefined) return;
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number`);
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`${name} must be a whole number of seconds, at least ${least}; it is ${value}`);
}

/** @throws TypeError unless `value` is undefined or one of `allowed` */
export function checkChoice(value: string | undefined, allowed: readonly string[], name: string): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new TypeError(`${name} must be ${allowed.map((choice) => `'${choice}'`).join(' or ')}`);
}
