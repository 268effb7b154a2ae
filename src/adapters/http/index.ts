/** krb5-client/http: HTTP Negotiate (RFC 4559) for fetch, undici, node:http(s), axios and got. */

export { type NegotiateFetchOptions, negotiateFetch } from './fetch.js';
export {
  type GotRequestOptions,
  type GotResponse,
  type NegotiateGotHooks,
  type NegotiateGotOptions,
  negotiateGotHooks,
} from './got.js';
export { type Negotiation, negotiationOf } from './negotiation.js';
export { type NegotiateRequestOptions, negotiateRequest } from './node.js';
export type { ChannelBindingPolicy, MutualAuthentication, NegotiateOptions } from './options.js';
export { type NegotiateProxyAgentOptions, negotiateProxyAgent } from './proxyAgent.js';
export {
  type NegotiateInterceptor,
  type NegotiateInterceptorOptions,
  type NegotiateProxyOptions,
  negotiateInterceptor,
  negotiateProxy,
} from './undici.js';
