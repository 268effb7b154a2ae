/** A small realm for the tests of the exchanges. */
import { expect } from 'vitest';
import { Key } from '../../src/crypto/key.js';
import type { ErrorCode } from '../../src/errors.js';
import { KerberosError } from '../../src/errors.js';
import { type AsRequest, type AsResult, asExchange } from '../../src/exchange/as.js';
import type { Question } from '../../src/exchange/ask.js';
import type { Policy } from '../../src/exchange/environment.js';
import { type TgsRequest, tgsExchange } from '../../src/exchange/tgs.js';
import type { Credential } from '../../src/formats/credential.js';
import { type Principal, parsePrincipal } from '../../src/formats/principal.js';
import {
  drive,
  type KeySource,
  type ScriptedEnvironment,
  ScriptedKdc,
  type ScriptedKdcOptions,
  type ScriptedServer,
  START,
  scriptedEnvironment,
} from '../support/scriptedKdc.js';

export const REALM = 'EXAMPLE.TEST';
export const ALICE: Principal = parsePrincipal('alice@EXAMPLE.TEST');
export const WEB: Principal = parsePrincipal('HTTP/web.example.test@EXAMPLE.TEST');
export const ETYPES: readonly number[] = [18, 17, 20, 19];
export const TILL: number = START + 36_000;
export const POLICY: Policy = {
  skewSeconds: 300,
  permittedEtypes: ETYPES,
  kdcTimesync: false,
  requiredFlags: 0,
};

/** A KDC that knows alice and one web server. */
export interface Realm {
  readonly environment: ScriptedEnvironment;
  readonly kdc: ScriptedKdc;
  /** Alice's keys by encryption type. */
  readonly keys: ReadonlyMap<number, Key>;
  readonly keySource: KeySource;
}

/** What a client talks to. */
export type Peer = Pick<Realm, 'environment' | 'keySource'> & { readonly kdc: ScriptedServer };

export function exampleRealm(
  options: Partial<ScriptedKdcOptions> = {},
  etypes: readonly number[] = ETYPES,
): Realm {
  const environment = options.environment ?? scriptedEnvironment();
  const kdc = new ScriptedKdc({ realm: REALM, environment, ...options });
  const keys = new Map(etypes.map((etype) => [etype, kdc.freshKey(etype)]));
  kdc.addPrincipal('alice', ...keys.values());
  kdc.addPrincipal('HTTP/web.example.test', kdc.freshKey(18));
  const keySource: KeySource = ({ etype }) => keys.get(etype) ?? new Key(etype, new Uint8Array(16));
  return { environment: environment as ScriptedEnvironment, kdc, keys, keySource };
}

/** What a login may differ in. */
export interface LoginOptions {
  readonly request?: Partial<AsRequest> | undefined;
  readonly policy?: Partial<Policy> | undefined;
  readonly keySource?: KeySource | undefined;
  readonly asked?: Question[] | undefined;
}

export function login(realm: Peer, options: LoginOptions = {}): Promise<AsResult> {
  const request: AsRequest = { client: ALICE, kdcOptions: 0, till: TILL, etypes: ETYPES, ...options.request };
  const exchange = asExchange(request, realm.environment, { ...POLICY, ...options.policy });
  return drive(exchange, realm.kdc, options.keySource ?? realm.keySource, options.asked);
}

export function ticketFor(
  realm: Peer,
  tgt: Credential,
  request: Partial<TgsRequest> = {},
  policy: Partial<Policy> = {},
): Promise<Credential> {
  const whole: TgsRequest = { tgt, server: WEB, kdcOptions: 0, etypes: ETYPES, ...request };
  return drive(tgsExchange(whole, realm.environment, { ...POLICY, ...policy }), realm.kdc);
}

/** The error of a promise that must fail, once its code is the one expected. */
export async function failure(promise: Promise<unknown>, code: ErrorCode): Promise<KerberosError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KerberosError);
  expect((error as KerberosError).code).toBe(code);
  return error as KerberosError;
}
