/** One realm in memory for the tests of identities: alice with a key, services, a clock that the test moves. */
import {
  type Client,
  type ClientOptions,
  fromKey,
  type KdcConnection,
  Key,
  type Krb5Config,
  parseConfig,
  type TraceEvent,
} from '../../src/index.js';
import { decode } from '../../src/messages/module.js';
import {
  type ScriptedEnvironment,
  ScriptedKdc,
  type ScriptedKdcOptions,
  scriptedEnvironment,
} from '../support/scriptedKdc.js';

export const SERVICE = 'HTTP/web.example.test';
export const HOUR = 3600;

export interface Realm {
  readonly kdc: ScriptedKdc;
  readonly environment: ScriptedEnvironment;
  readonly key: Key;
  /** What went to the KDC: `AS`, `TGS`, in order. */
  readonly asked: string[];
  readonly events: TraceEvent[];
  readonly options: ClientOptions;
  /** Makes each request fail with this as long as it is set. */
  failure: Error | undefined;
  client(options?: ClientOptions): Client;
}

export function config(libdefaults = ''): Krb5Config {
  return parseConfig(`[libdefaults]\ndefault_realm = EXAMPLE.TEST\n${libdefaults}\n`);
}

export function realm(
  kdcOptions: Partial<ScriptedKdcOptions> = {},
  environment: ScriptedEnvironment = scriptedEnvironment(),
): Realm {
  const kdc = new ScriptedKdc({ realm: 'EXAMPLE.TEST', environment, ...kdcOptions });
  const key = new Key(18, new Uint8Array(32).fill(7));
  kdc.addPrincipal('alice', key);
  kdc.addPrincipal(SERVICE, kdc.freshKey(18));
  const events: TraceEvent[] = [];
  const asked: string[] = [];
  const connection: KdcConnection = async ({ message, tcpOnly }) => {
    asked.push(message[0] === 0x6a ? 'AS' : isRenewal(message) ? 'renew' : 'TGS');
    if (made.failure !== undefined) throw made.failure;
    return kdc.reply(message, tcpOnly);
  };
  const options = { config: config(), connection, environment, trace: (e: TraceEvent) => events.push(e) };
  const made: Realm = {
    ...{ kdc, environment, key, asked, events, options },
    failure: undefined,
    client: (more = {}) => fromKey('alice', key, { ...options, ...more }),
  };
  return made;
}

function isRenewal(message: Uint8Array): boolean {
  return (decode('TgsReq', message).reqBody.kdcOptions & 2) !== 0;
}
