/**
 * A connection inside a SASL security layer (RFC 4422 section 3.7), as a stream of Node.js: what is written to it goes
 * protected over the socket, what is read from it came protected.
 *
 * - Memory: one chunk of the socket, one buffer of the layer and the usual high-water marks. Reading stops when nobody
 *   takes the data, writing waits for the socket.
 * - End: `end()` half-closes the socket after the last buffer; an end in the middle of a buffer is an error. One between
 *   buffers may be an attacker's, for a layer has no closing message: the protocol inside must know when it is complete.
 * - Failure: an error of the layer or the socket destroys both streams, with that error here.
 */
// biome-ignore lint/suspicious/noTsIgnore: where the types are there, nothing is wrong
/** @ts-ignore any for users without the types of Node.js */
import { Duplex } from 'node:stream';
import type { SecurityLayer } from '../../sasl/securityLayer.js';

type Done = (error?: Error | null) => void;

/** A socket with a security layer. */
export class SaslStream extends Duplex {
  /** What the protected octets go over: for addresses, timeouts and keep-alive. Not to be read from or written to. */
  readonly socket: Duplex;
  readonly #layer: SecurityLayer;
  /** Whether the peer has ended its side. */
  #ended = false;
  /** The callback of a write that waits for the socket. */
  #waiting: Done | undefined;

  /**
   * @param socket from which the server's message of success has been read and nothing after it; octets too many go back
   *   by `socket.unshift(octets)` first
   * @throws TypeError naming what is missing: where no layer was agreed, the socket is used as it is
   */
  constructor(socket: Duplex, layer: SecurityLayer) {
    if (typeof socket?.pipe !== 'function') throw new TypeError('socket must be a Duplex, such as a Socket');
    if (typeof layer?.decode !== 'function') {
      throw new TypeError('layer must be a SecurityLayer; where none was agreed, use the socket itself');
    }
    super({ allowHalfOpen: socket.allowHalfOpen });
    this.socket = socket;
    this.#layer = layer;
    socket.pause();
    socket.on('data', (octets: Uint8Array) => this.#receive(octets));
    socket.on('end', () => this.#receiveEnd());
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.#closed());
    if (socket.destroyed) this.destroy(socket.errored ?? undefined);
    else if (socket.readableEnded) this.#receiveEnd();
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#send(this.#layer.buffers(chunk), done);
  }

  override _final(done: Done): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#layer.delete();
    this.socket.destroy();
    this.#waiting?.(error ?? new Error('the connection was closed before everything was written'));
    done(error);
  }

  /** Writes buffers as fast as the socket takes them. */
  #send(buffers: Generator<Uint8Array>, done: Done): void {
    this.#waiting = undefined;
    try {
      // Not for...of, which would end the generator when the loop is left.
      for (let next = buffers.next(); !next.done; next = buffers.next()) {
        if (this.socket.write(next.value)) continue;
        this.#waiting = done;
        this.socket.once('drain', () => this.#send(buffers, done));
        return;
      }
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  }

  #receive(octets: Uint8Array): void {
    if (this.destroyed) return;
    let wanted = true;
    try {
      for (const message of this.#layer.decode(octets)) {
        if (message.length > 0) wanted = this.push(message);
      }
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (!wanted) this.socket.pause();
  }

  #receiveEnd(): void {
    this.#ended = true;
    try {
      this.#layer.end();
      this.push(null);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** The socket is gone; what has been received whole may still be read. */
  #closed(): void {
    if (!this.#ended || this.#waiting !== undefined) this.destroy();
  }
}
