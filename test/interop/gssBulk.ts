/** Thousands of messages between both libraries: tokens go through files in memory, while both programs work. */
import { closeSync, openSync, readSync, writeFileSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import type { MixedPair } from './gssPairs.js';
import { type Argument, fastFolder, type GssPeer } from './gssPeer.js';

/** What is made of a message; the numbers are those of gssPeer.c. */
export const KINDS = { signed: 0, sealed: 1, mic: 2 } as const;

/** A message: part of the pool of octets that both programs know. */
interface Message {
  readonly kind: number;
  readonly offset: number;
  readonly length: number;
}

const MEGABYTE = 1_048_576;
const EDGES = [0, 1, 15, 16, 17, MEGABYTE];
/** A batch holds about as many octets. */
const BATCH_OCTETS = 8 * MEGABYTE;
/** Files are used in turns, so that one is written while the other is read. */
const TURNS = 2;

/** Octets and files that all contexts share. */
export class BulkExchange {
  readonly peer: GssPeer;
  readonly #folder: string = fastFolder();
  readonly #pool: Buffer = Buffer.allocUnsafe(4 * MEGABYTE);
  readonly #buffer: Buffer = Buffer.allocUnsafe(BATCH_OCTETS + 2 * MEGABYTE);
  #state: number;

  constructor(peer: GssPeer, seed: number) {
    this.peer = peer;
    this.#state = seed >>> 0 || 1;
    for (let i = 0; i < this.#pool.length; i += 4) this.#pool.writeUInt32LE(this.#random(), i);
    writeFileSync(this.#file('pool'), this.#pool);
    for (let turn = 0; turn < TURNS; turn++) {
      writeFileSync(this.#file(`ours${turn}`), '');
      writeFileSync(this.#file(`theirs${turn}`), '');
    }
  }

  /** Tells the other program what the messages are parts of. */
  async start(): Promise<void> {
    await this.peer.must('pool', 0, this.#file('pool'));
  }

  /**
   * `count` messages each way, each wrapped (sealed or signed) and with a MIC. Throws when one is not accepted or not the
   * same.
   */
  async exchange(pair: MixedPair, count: number): Promise<void> {
    const ours = this.#batches(count);
    const theirs = this.#batches(count);
    const checks: Promise<void>[] = [];
    let made = this.#make(pair, theirs[0], 0);
    for (let turn = 0; turn < Math.max(ours.length, theirs.length); turn++) {
      const batch = theirs[turn];
      const answer = made;
      made = this.#make(pair, theirs[turn + 1], turn + 1);
      // A failure is met below, when its turn comes.
      made.catch(() => undefined);
      if (ours[turn] !== undefined) checks.push(this.#send(pair, ours[turn]!, turn));
      if (turn >= 1) await checks[turn - 1];
      if (batch !== undefined) this.#receive(pair, batch, await answer, turn);
    }
    await Promise.all(checks);
  }

  /** Has the other program make tokens. */
  async #make({ mit }: MixedPair, batch: readonly Message[] | undefined, turn: number): Promise<number[]> {
    if (batch === undefined) return [];
    const answer = await this.peer.must(
      'make',
      mit,
      this.#file(`theirs${turn % TURNS}`),
      ...messageArguments(batch),
    );
    return batch.map(() => answer.number());
  }

  #receive({ ours }: MixedPair, batch: readonly Message[], lengths: readonly number[], turn: number): void {
    const file = openSync(this.#file(`theirs${turn % TURNS}`), 'r');
    readSync(
      file,
      this.#buffer,
      0,
      lengths.reduce((sum, length) => sum + length, 0),
      0,
    );
    closeSync(file);
    let offset = 0;
    for (const [i, message] of batch.entries()) {
      const token = this.#buffer.subarray(offset, offset + lengths[i]!);
      offset += lengths[i]!;
      const octets = this.#octets(message);
      if (message.kind === KINDS.mic) ours.verifyMic(octets, token);
      else {
        const opened = ours.unwrap(token);
        if (!octets.equals(opened.message) || opened.confidential !== (message.kind === KINDS.sealed))
          throw new Error(`a message of ${message.length} octets came as another`);
      }
    }
  }

  /** Has the other program check our tokens. */
  async #send({ ours, mit }: MixedPair, batch: readonly Message[], turn: number): Promise<void> {
    const tokens = batch.map((message) => {
      const octets = this.#octets(message);
      if (message.kind === KINDS.mic) return ours.mic(octets);
      return ours.wrap(octets, { confidential: message.kind === KINDS.sealed });
    });
    const path = this.#file(`ours${turn % TURNS}`);
    const file = openSync(path, 'w');
    const written = writevSync(file, tokens);
    closeSync(file);
    const lengths = tokens.map(({ length }) => length);
    if (written !== lengths.reduce((sum, length) => sum + length, 0)) throw new Error(`${path} is full`);
    const answer = await this.peer.ask('check', mit, path, ...messageArguments(batch, lengths));
    const { major, minor } = answer;
    const before = answer.number();
    if (major !== 0 || before !== batch.length) {
      const { kind, length } = batch[before]!;
      throw new Error(
        `kind ${kind} of ${length} octets refused: ${major.toString(16)} ${minor.toString(16)}`,
      );
    }
  }

  #octets({ offset, length }: Message): Buffer {
    return this.#pool.subarray(offset, offset + length);
  }

  #batches(count: number): Message[][] {
    const batches: Message[][] = [[]];
    let octets = 0;
    for (let i = 0; i < count; i++) {
      const length = EDGES[i] ?? Math.floor(Math.exp(this.#unit() * Math.log(MEGABYTE + 1))) - 1;
      const offset = Math.floor(this.#unit() * (this.#pool.length - length));
      for (const kind of [this.#random() & 1, KINDS.mic]) {
        if (octets + length > BATCH_OCTETS) {
          batches.push([]);
          octets = 0;
        }
        octets += length + 100;
        batches.at(-1)!.push({ kind, offset, length });
      }
    }
    return batches;
  }

  #unit(): number {
    return this.#random() / 2 ** 32;
  }

  /** Reproducible. */
  #random(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return (this.#state ^ (this.#state >>> 16)) >>> 0;
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}

function messageArguments(batch: readonly Message[], lengths?: readonly number[]): Argument[] {
  const numbers = batch.flatMap(({ kind, offset, length }, i) => [
    kind,
    offset,
    length,
    ...(lengths === undefined ? [] : [lengths[i]!]),
  ]);
  return [batch.length, ...numbers];
}
