/**
 * Reads the integers and counted octets of binary files. Every read is checked against what remains, so a wrong length
 * in a file is a FormatError with its offset and never an allocation.
 */
import { FormatError, type FormatKind } from '../errors.js';

/** Order of the octets of integers: files of the oldest versions are in that of the machine that wrote them. */
export type ByteOrder = 'big' | 'little';

/** The most credentials or keys that one file may have. */
export const MAX_ENTRIES = 65_536;

/** Elements that all lists of one file may have together: in memory each takes far more than its octets in the file. */
const MAX_ELEMENTS = 524_288;

/** The file ends before what its lengths promise. */
export class TruncatedError extends FormatError {}

/** A cursor over the octets of one file. */
export class OctetReader {
  readonly #kind: FormatKind;
  readonly #file: string | undefined;
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  /** Elements that lists may still have; one count for all parts of a file. */
  #budget: { elements: number } = { elements: MAX_ELEMENTS };
  /** Order of integers from here on; big-endian unless the format says otherwise. */
  byteOrder: ByteOrder = 'big';
  /** Where the next read starts, octets from the start of the file. */
  offset: number;

  constructor(kind: FormatKind, octets: Uint8Array, file?: string, offset = 0, end: number = octets.length) {
    this.#kind = kind;
    this.#file = file;
    this.#octets = octets;
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    this.#end = end;
    this.offset = offset;
  }

  /** Octets left. */
  get remaining(): number {
    return this.#end - this.offset;
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), this.byteOrder === 'little');
  }

  int16(): number {
    return this.#view.getInt16(this.#advance(2), this.byteOrder === 'little');
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), this.byteOrder === 'little');
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), this.byteOrder === 'little');
  }

  /** A copy of the next `length` octets, so that it outlives a wiped or reused input. */
  take(length: number): Uint8Array {
    const start = this.#advance(length);
    return new Uint8Array(this.#octets.subarray(start, start + length));
  }

  /** A reader of the next `length` octets only; this one goes on after them. */
  part(length: number): OctetReader {
    const start = this.#advance(length);
    const part = new OctetReader(this.#kind, this.#octets, this.#file, start, start + length);
    part.byteOrder = this.byteOrder;
    part.#budget = this.#budget;
    return part;
  }

  /** `count` elements of at least `elementSize` octets each; refused at once when they cannot fit or are too many. */
  list<T>(count: number, elementSize: number, readElement: (reader: OctetReader) => T): T[] {
    if (count * elementSize > this.remaining) throw this.#truncated(`${count} elements are announced`);
    this.#budget.elements -= count;
    if (this.#budget.elements < 0) throw this.error(`the file has more than ${MAX_ELEMENTS} list elements`);
    const elements: T[] = [];
    while (elements.length < count) elements.push(readElement(this));
    return elements;
  }

  /** The error `problem` at `offset`, where the next read would start by default. */
  error(problem: string, offset: number = this.offset): FormatError {
    return new FormatError(this.#kind, problem, { file: this.#file, offset });
  }

  #truncated(problem: string): FormatError {
    return new TruncatedError(this.#kind, `${problem}, ${this.remaining} octets are left`, {
      file: this.#file,
      offset: this.offset,
    });
  }

  #advance(length: number): number {
    if (length > this.remaining) throw this.#truncated(`${length} octets are needed`);
    const start = this.offset;
    this.offset += length;
    return start;
  }
}
