/**
 * Finding the KDCs of a realm: the configuration, else DNS SRV records (RFC 4120 section 7.2.3, RFC 2782). DNS is not
 * authenticated; a false answer costs time, not secrets. URI records are not asked for.
 */

import { Resolver } from 'node:dns/promises';
import { printable } from '../bytes.js';
import { TransportError } from '../errors.js';
import type { Trace } from '../trace.js';
import type { Service } from './kdc.js';
import { type KdcServer, type Protocol, serverText } from './kdcServer.js';
import { outcomeText } from './outcome.js';

/** One SRV record, with the names of node:dns. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** Looks up the SRV records of a name; rejects when there are none. */
export type ResolveSrv = (name: string, signal: AbortSignal) => Promise<readonly SrvRecord[]>;

/** Where the servers of a realm can be known from. */
export interface LocateSource {
  /** Servers that the configuration names, in order of preference; they alone are used if there are any. */
  readonly configured: (realm: string) => readonly KdcServer[];
  /** Whether DNS may be asked. */
  readonly dnsLookup: boolean;
  /** `kerberos` by default. */
  readonly service?: Service | undefined;
  /** The system's name servers by default. */
  readonly resolveSrv?: ResolveSrv | undefined;
  /** A number from 0 up to, not including, 1, for the choice by weight. */
  readonly random?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long DNS may take, milliseconds; 5000 by default. */
  readonly timeoutMs?: number | undefined;
  readonly trace?: Trace | undefined;
}

/** More records than this are ignored: no realm has them, and each would cost a try. */
const MAX_RECORDS = 64;

/**
 * The servers of `realm` in the order in which to try them; none when nothing is known. DNS failures are traced as
 * `kdc.locate`, not thrown.
 * @throws TransportError ERR_ABORTED with the signal's reason as `cause`
 */
export async function locateKdcs(realm: string, source: LocateSource): Promise<KdcServer[]> {
  checkNotAborted(realm, source.signal);
  const configured = source.configured(realm);
  if (configured.length > 0 || !source.dnsLookup) return [...configured];
  if (!isDomainName(realm)) {
    report(realm, source, `${printable(realm)} is no domain name, so DNS is not asked for its servers`, 0);
    return [];
  }
  const servers = await locateByDns(realm, source);
  checkNotAborted(realm, source.signal);
  return servers;
}

async function locateByDns(realm: string, source: LocateSource): Promise<KdcServer[]> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const timer = setTimeout(stop, source.timeoutMs ?? 5000);
  source.signal?.addEventListener('abort', stop, { once: true });
  try {
    const [udp, tcp] = await Promise.all([
      lookUpProtocol('udp', realm, source, controller.signal),
      lookUpProtocol('tcp', realm, source, controller.signal),
    ]);
    // RFC 4120 asks for records of both protocols; where only UDP has some, a large reply still needs TCP.
    return tcp.length === 0 ? udp.map(({ host, port }) => ({ host, port })) : [...udp, ...tcp];
  } finally {
    clearTimeout(timer);
    source.signal?.removeEventListener('abort', stop);
  }
}

async function lookUpProtocol(
  protocol: Protocol,
  realm: string,
  source: LocateSource,
  signal: AbortSignal,
): Promise<KdcServer[]> {
  const name = srvName(source.service ?? 'kerberos', protocol, realm);
  const resolve = source.resolveSrv ?? resolveSrv;
  try {
    const records = await untilAborted(resolve(name, signal), signal);
    const servers = orderRecords(records, source.random ?? Math.random).map((r) => toServer(r, protocol));
    const list = servers.map(serverText).join(', ') || 'none';
    report(realm, source, `DNS SRV ${name}: ${list}`, servers.length);
    return servers;
  } catch (error) {
    report(realm, source, `DNS SRV ${name}: ${printable(outcomeText(error))}`, 0);
    return [];
  }
}

/** With a trailing dot, so that no search domain is appended. */
function srvName(service: Service, protocol: Protocol, realm: string): string {
  return `_${service}._${protocol}.${realm.replace(/\.$/, '')}.`;
}

function toServer(record: SrvRecord, protocol: Protocol): KdcServer {
  return { host: record.name.replace(/\.$/, ''), port: record.port, protocol };
}

/**
 * The usable records by ascending priority; those of one priority drawn by weight (RFC 2782, "Usage rules"). The target
 * "." says that there is no server.
 */
export function orderRecords(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  const usable = records.filter(isUsable).slice(0, MAX_RECORDS);
  const priorities = [...new Set(usable.map((record) => record.priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority) =>
    drawByWeight(
      usable.filter((record) => record.priority === priority),
      random,
    ),
  );
}

function isUsable(record: SrvRecord): boolean {
  return !['', '.'].includes(record.name) && isDomainName(record.name) && record.port >= 1;
}

function drawByWeight(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  // Weight 0 comes first, so that it has its very small chance.
  const left = [...records].sort((a, b) => Math.sign(a.weight) - Math.sign(b.weight));
  const drawn: SrvRecord[] = [];
  while (left.length > 0) drawn.push(...left.splice(drawIndex(left, random), 1));
  return drawn;
}

/** The first index whose running sum of weights reaches a number drawn from 0 to the sum. */
function drawIndex(records: readonly SrvRecord[], random: () => number): number {
  const sum = records.reduce((total, record) => total + record.weight, 0);
  const number = Math.floor(random() * (sum + 1));
  let running = 0;
  return records.findIndex((record) => {
    running += record.weight;
    return running >= number;
  });
}

/** Labels of letters, digits, hyphens and underscores; one that a hostile referral cannot abuse. */
function isDomainName(name: string): boolean {
  const bare = name.replace(/\.$/, '');
  return bare.length <= 230 && bare.split('.').every((label) => /^[A-Za-z0-9_-]{1,63}$/.test(label));
}

/** The system's name servers, given up when `signal` aborts. */
async function resolveSrv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]> {
  const resolver = new Resolver();
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await resolver.resolveSrv(name);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('DNS did not answer in time'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function report(realm: string, source: LocateSource, text: string, servers: number): void {
  source.trace?.({ event: 'kdc.locate', text, data: { realm, servers } });
}

function checkNotAborted(realm: string, signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  const text = `looking for the servers of ${printable(realm)} was aborted`;
  throw new TransportError('ERR_ABORTED', text, [], { cause: signal.reason });
}
