/**
 * Connections of node:http and who uses them. A server may bind an authentication to its connection, so one that carried a
 * token of an identity is never used for another one, nor for a request without identity.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Client } from '../../client/client.js';
import { AgentPool } from './agentPool.js';
import type { NegotiateExchange } from './exchange.js';
import type { NegotiateRequestOptions } from './node.js';
import { negotiateProxyAgent, proxyUrl } from './proxyAgent.js';
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
  { mechanism, mutual, delegate, channelBindings }: Settings,
): Identity {
  const { client, service, target } = exchange;
  const via = proxy?.client && idOf(proxy.client);
  const parts = [target.origin, service, mechanism, mutual, delegate, channelBindings, via];
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

/** The server wants a token again: it, or somebody between, keeps the authentication no longer. */
export function forgetAuthentication(socket: object): void {
  authenticated.delete(socket);
}

/** Whether requests on the socket need no token. */
export function isAuthenticated(socket: object): boolean {
  return authenticated.has(socket);
}

const pool = new AgentPool();

/**
 * The agent whose connections this identity alone uses; Node's own where there is no identity and no proxy. A tunnel serves
 * one request where it is not known beforehand whose it is at the proxy.
 */
export function agentsFor(
  { owner, key }: Identity,
  options: NegotiateRequestOptions,
  url: URL,
): HttpAgent | undefined {
  const proxied = options.proxy !== undefined && url.protocol === 'https:';
  if (proxied && (owner === undefined || choosesLater(options))) return tunnelAgent(options, false);
  if (owner === undefined) return undefined;
  const { protocol } = options.proxy === undefined ? url : proxyUrl(options.proxy.url);
  const parts = [idOf(owner), protocol, proxied ? proxyKey(options) : '', trustKey(options), key];
  return pool.agent(JSON.stringify(parts), () => newAgent(options, protocol, proxied));
}

function newAgent(options: NegotiateRequestOptions, protocol: string, proxied: boolean): HttpAgent {
  if (proxied) return tunnelAgent(options, true);
  return protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
}

/** Whether a function says under which identity the proxy meets us. */
function choosesLater({ client, proxy }: NegotiateRequestOptions): boolean {
  const isChosen = (value: unknown): boolean => typeof value === 'function';
  return isChosen(proxy?.client ?? client) || isChosen(proxy?.service);
}

function proxyKey({ proxy }: NegotiateRequestOptions): string {
  const { client, trace, ...rest } = proxy ?? {};
  return JSON.stringify([rest, client === undefined ? '' : idOf(client)]);
}

/** What decides which servers are believed, and is not among what an agent of Node.js tells connections apart by. */
function trustKey({ request }: NegotiateRequestOptions): readonly unknown[] {
  const { ca, checkServerIdentity, lookup } = request ?? {};
  const { secureContext } = (request ?? {}) as { readonly secureContext?: object };
  const objects = [checkServerIdentity, secureContext, lookup];
  return [ca && [ca].flat().map(String), objects.map((object) => object && idOf(object))];
}

function tunnelAgent(
  { proxy, client, trace, request }: NegotiateRequestOptions,
  keepAlive: boolean,
): HttpAgent {
  const trusted = request?.ca === undefined ? {} : { ca: request.ca };
  return negotiateProxyAgent({ client, trace, ...proxy!, agent: { keepAlive, ...trusted } });
}
