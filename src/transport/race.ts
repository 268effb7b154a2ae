/**
 * The race of a request's servers, scheduled as MIT krb5's sendto_kdc.c does it.
 *
 * 1. First pass: the servers in order, every address of each, with a pause after each start; earlier ones stay open. A
 *    failure ends the pause at once; a standing TCP connection lengthens it, for that server is alive.
 * 2. Further passes, each after a pause that doubles: datagrams are sent again to those that did not answer.
 * 3. The first acceptable reply, the deadline, an abort or the failure of all ends it.
 *
 * One pause is in progress at any time; whatever a channel, the clock or the caller reports wakes it.
 */
import { printable } from '../bytes.js';
import { type Attempt, KerberosError } from '../errors.js';
import type { Channel, Request } from './channel.js';
import { type Endpoint, type HostAddress, type KdcServer, type Protocol, serverText } from './kdcServer.js';
import type { Lookup } from './lookup.js';
import { outcomeText } from './outcome.js';
import { openTcp } from './tcp.js';
import { openUdp } from './udp.js';

/** A server and the protocol that it is to be asked with. */
export interface Step {
  readonly server: KdcServer;
  readonly protocol: Protocol;
}

/** The pauses, milliseconds. */
export interface Timing {
  /** After each start or repetition, before the next server. */
  readonly staggerMs: number;
  /** After the first pass; doubles with each further one. */
  readonly retransmitMs: number;
  /** Times that a datagram is sent to each server. */
  readonly passes: number;
  /** How long a TCP connection may take to stand. */
  readonly connectTimeoutMs: number;
  /** How long a standing TCP connection is waited for before the next server is asked too. */
  readonly holdMs: number;
  /** How long a name lookup may keep the next server waiting. */
  readonly lookupTimeoutMs: number;
}

/** Told about every start, failure and reply. */
export interface RaceEvents {
  sent(endpoint: Endpoint): void;
  received(endpoint: Endpoint, reply: Uint8Array): void;
  failed(step: Step, outcome: string): void;
}

export interface RaceSettings {
  readonly request: Request;
  readonly timing: Timing;
  readonly lookup: Lookup;
  /** Whether the reply should win only if no other server gives a better one. */
  readonly preferAnother: (reply: Uint8Array) => boolean;
  readonly events: RaceEvents;
}

/** One address of one server in the race, or a server whose name has no address. */
interface Lane {
  readonly step: Step;
  readonly address: string | undefined;
  channel: Channel | undefined;
  /** Why the lane is out of the race. */
  outcome: string | undefined;
}

export class Race {
  readonly #settings: RaceSettings;
  readonly #lanes: Lane[] = [];
  readonly #lookups: Map<string, Promise<readonly HostAddress[]>> = new Map();
  #untried: readonly Step[] = [];
  #reply: Uint8Array | undefined;
  #fallback: Uint8Array | undefined;
  #error: Error | undefined;
  #stopped = false;
  #wake: () => void = () => {};

  constructor(settings: RaceSettings) {
    this.#settings = settings;
  }

  /** The reply that won, once the race is over. */
  get reply(): Uint8Array | undefined {
    return this.#reply ?? this.#fallback;
  }

  /** The error of a server that answered against the protocol, else the last one of any server. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Every try so far, and the servers that their turn did not come to. */
  get attempts(): Attempt[] {
    return [
      ...this.#lanes.map((lane) => attempt(lane.step, laneOutcome(lane))),
      ...this.#untried.map((step) => attempt(step, 'not tried before the end')),
    ];
  }

  /** Runs until a reply, `stop()` or the end of all passes; call it once. All sockets are closed when it returns. */
  async run(steps: readonly Step[]): Promise<void> {
    this.#untried = steps;
    try {
      await this.#firstPass();
      await this.#furtherPasses();
    } finally {
      for (const lane of this.#lanes) lane.channel?.close();
    }
  }

  /** Ends the race without a winner. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  get #over(): boolean {
    return this.#stopped || this.#reply !== undefined;
  }

  async #firstPass(): Promise<void> {
    while (!this.#over) {
      const [step, ...later] = this.#untried;
      if (step === undefined) return;
      this.#untried = later;
      await this.#tryServer(step);
    }
  }

  async #furtherPasses(): Promise<void> {
    const { passes, retransmitMs } = this.#settings.timing;
    for (let pass = 1; ; pass++) {
      await this.#pause(retransmitMs * 2 ** (pass - 1), () => !this.#lanes.some(isOpen));
      if (pass >= passes || this.#over || !this.#lanes.some(isOpen)) return;
      await this.#resendAll();
    }
  }

  async #resendAll(): Promise<void> {
    for (const lane of this.#lanes) {
      if (this.#over) return;
      if (isOpen(lane) && lane.channel?.resend() === true) {
        await this.#pause(this.#settings.timing.staggerMs, () => !isOpen(lane));
      }
    }
  }

  async #tryServer(step: Step): Promise<void> {
    const addresses = await this.#addresses(step);
    for (const address of addresses) {
      if (this.#over) return;
      const lane = this.#start({ ...step, ...address });
      await this.#pause(this.#settings.timing.staggerMs, () => !isOpen(lane));
      if (lane.channel?.established) await this.#pause(this.#settings.timing.holdMs, () => !isOpen(lane));
    }
  }

  /** The addresses of the step's host; none, and a failed lane, when it has none in time. */
  async #addresses(step: Step): Promise<readonly HostAddress[]> {
    let found: readonly HostAddress[] | undefined;
    let problem: unknown;
    this.#lookUp(step.server.host)
      .then(
        (addresses) => {
          found = addresses;
        },
        (error: unknown) => {
          problem = error;
        },
      )
      .then(() => this.#wake());
    const answered = () => found !== undefined || problem !== undefined;
    await this.#pause(this.#settings.timing.lookupTimeoutMs, answered);
    if (found !== undefined && found.length > 0) return found;
    this.#lookupFailed(step, answered() ? problem : new Error('the name lookup was not answered in time'));
    return [];
  }

  #lookUp(host: string): Promise<readonly HostAddress[]> {
    const known = this.#lookups.get(host) ?? this.#settings.lookup(host);
    this.#lookups.set(host, known);
    return known;
  }

  #lookupFailed(step: Step, problem: unknown): void {
    const lane: Lane = { step, address: undefined, channel: undefined, outcome: undefined };
    this.#lanes.push(lane);
    this.#fail(lane, problem ?? new Error('the host name has no address'));
  }

  #start(endpoint: Endpoint): Lane {
    const { request, events } = this.#settings;
    const lane: Lane = { step: endpoint, address: endpoint.address, channel: undefined, outcome: undefined };
    this.#lanes.push(lane);
    const open = endpoint.protocol === 'udp' ? openUdp : openTcp;
    try {
      lane.channel = open(endpoint, request, {
        sent: () => events.sent(endpoint),
        reply: (octets) => this.#receive(lane, endpoint, octets),
        failed: (error) => this.#fail(lane, error),
      });
    } catch (error) {
      this.#fail(lane, error);
    }
    return lane;
  }

  #receive(lane: Lane, endpoint: Endpoint, reply: Uint8Array): void {
    this.#settings.events.received(endpoint, reply);
    if (!this.#settings.preferAnother(reply)) {
      this.#reply ??= reply;
      lane.outcome = 'answered';
      this.#wake();
      return;
    }
    this.#fallback ??= reply;
    this.#fail(lane, new Error('answered, but another server is asked for a better answer'));
  }

  #fail(lane: Lane, problem: unknown): void {
    lane.outcome = outcomeText(problem) + addressNote(lane);
    if (problem instanceof Error && !(this.#error instanceof KerberosError)) this.#error = problem;
    this.#settings.events.failed(lane.step, lane.outcome);
    this.#wake();
  }

  /** Waits for `ms`, or until the race is over or `done()` holds. */
  #pause(ms: number, done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#wake = () => {};
        resolve();
      };
      const timer = setTimeout(finish, ms);
      this.#wake = () => {
        if (this.#over || done()) finish();
      };
      this.#wake();
    });
  }
}

function isOpen(lane: Lane): boolean {
  return lane.outcome === undefined;
}

function laneOutcome(lane: Lane): string {
  return lane.outcome ?? (lane.channel?.pending() ?? 'not started') + addressNote(lane);
}

function addressNote(lane: Lane): string {
  const known = lane.address === undefined || lane.address === lane.step.server.host;
  return known ? '' : ` (${lane.address})`;
}

function attempt(step: Step, outcome: string): Attempt {
  return { server: serverText(step.server), protocol: step.protocol, outcome: printable(outcome) };
}
