/**
 * Connections of node:http and who uses them. A server may bind an authentication to its connection, so one that carried a
 * token of an identity is never used for another one, nor for a request without identity.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Client } from '../../client/client.js';
import type { NegotiateExchange } from './exchange.js';
import type { NegotiateRequestOptions } from './node.js';
import { negotiateProxyAgent } from './proxyAgent.js';
import type { Settings } from './settings.js';

/** Who a connection belongs to. */
export interface Identity {
  readonly client: Client | undefined;
  /** Whose agents make its connections: the client's, else those of the client at the proxy. */
  readonly owner: Client | undefined;
  /** Everything else that makes one authentication differ from another. */
  readonly key: string;
}

/** The identity under which an exchange speaks. */
export function identityOf(
  exchange: NegotiateExchange,
  proxy: NegotiateExchange | undefined,
  { mechanism, mutual, delegate }: Settings,
): Identity {
  const { client, service, target } = exchange;
  const parts = [target.origin, service, mechanism, mutual, delegate, proxy?.client && idOf(proxy.client)];
  const owner = client ?? proxy?.client;
  return {
    client,
    owner,
    key: client === undefined && proxy?.client === undefined ? '' : JSON.stringify(parts),
  };
}

const ids = new WeakMap<object, number>();
let lastId = 0;

function idOf(object: object): number {
  const id = ids.get(object) ?? ++lastId;
  ids.set(object, id);
  return id;
}

const owners = new WeakMap<object, Identity>();
const authenticated = new WeakSet<object>();

/** Whether the socket carried a token of another identity. */
export function isForeign(socket: object, { client, key }: Identity): boolean {
  const owner = owners.get(socket);
  return owner !== undefined && (owner.client !== client || owner.key !== key);
}

/** From now on the socket belongs to the identity. */
export function claim(socket: object, identity: Identity): void {
  owners.set(socket, identity);
}

/** The server proved itself on the socket, and keeps the authentication. */
export function markAuthenticated(socket: object): void {
  authenticated.add(socket);
}

/** Whether requests on the socket need no token. */
export function isAuthenticated(socket: object): boolean {
  return authenticated.has(socket);
}

const agents = new WeakMap<Client, Map<string, HttpAgent>>();

/** The agent whose connections this identity alone uses; Node's own where there is no identity and no proxy. */
export function agentsFor(
  { owner, key }: Identity,
  options: NegotiateRequestOptions,
  protocol: string,
): HttpAgent | undefined {
  const proxied = options.proxy !== undefined && protocol === 'https:';
  if (owner === undefined) return proxied ? tunnelAgent(options) : undefined;
  const own = agents.get(owner) ?? new Map<string, HttpAgent>();
  agents.set(owner, own);
  const name = `${protocol} ${proxied ? proxyKey(options) : ''} ${key}`;
  const agent = own.get(name) ?? newAgent(options, protocol, proxied);
  own.set(name, agent);
  return agent;
}

function newAgent(options: NegotiateRequestOptions, protocol: string, proxied: boolean): HttpAgent {
  if (proxied) return tunnelAgent(options);
  return protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
}

function proxyKey({ proxy }: NegotiateRequestOptions): string {
  const { client, trace, ...rest } = proxy ?? {};
  const who = client === undefined ? '' : idOf(client);
  return JSON.stringify([rest, who]);
}

function tunnelAgent({ proxy, client, trace }: NegotiateRequestOptions): HttpAgent {
  return negotiateProxyAgent({ client, trace, ...proxy!, agent: { keepAlive: true } });
}
