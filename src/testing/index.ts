/** krb5-client/testing: a Kerberos realm in this process, for tests and demonstrations. */

export { AcceptError } from './acceptError.js';
export { type Accepted, Acceptor, type AcceptorOptions } from './acceptor.js';
export type { AcceptedContext } from './acceptorContext.js';
export type { Fault, FaultScene } from './faults/fault.js';
export { FAULTS } from './faults.js';
export type { KdcHooks, KdcRequest, Wire } from './hooks.js';
export type { NegotiateClient, NegotiateRequest, NegotiateResponse } from './negotiateHandler.js';
export type { PrincipalOptions } from './principalDatabase.js';
export { TestRealm, type TestRealmOptions } from './testRealm.js';
