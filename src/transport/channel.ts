/**
 * One conversation with one endpoint, UDP or TCP: what it reports, and what can be asked of it.
 */

/** Told by a channel; nothing more comes after `reply`, `failed` or `close()`. */
export interface ChannelEvents {
  /** The request went out, for the first time or again. */
  sent(): void;
  /** A reply came; the channel is closed. */
  reply(octets: Uint8Array): void;
  /** No reply can come any more; the channel is closed. */
  failed(error: Error): void;
}

/** An open conversation. */
export interface Channel {
  /** A TCP connection stands, so the server is alive. */
  readonly established: boolean;
  /** Sends the request again where the protocol does not do so itself; false when there was no need. */
  resend(): boolean;
  /** Why there is no answer yet, in words. */
  pending(): string;
  /** Lets go of socket and timers; may be called twice. */
  close(): void;
}

/** What a channel carries. */
export interface Request {
  readonly message: Uint8Array;
  /** Whether octets can be a reply to it; others are not believed. */
  readonly isReply: (octets: Uint8Array) => boolean;
  /** TCP: longest reply that is read. */
  readonly maxReplyOctets: number;
  /** TCP: how long a connection may take to stand, milliseconds. */
  readonly connectTimeoutMs: number;
}
