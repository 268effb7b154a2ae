/** The security layer as a stream: chunks, backpressure, half-close, failures of either side. */
import { type Duplex, duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SaslStream } from '../../../src/adapters/sasl/index.js';
import { concat } from '../../../src/bytes.js';
import { framed, layerPair, unframed } from '../../sasl/saslPairs.js';
import { expectOctets } from '../../support/octets.js';
import { testEnvironment } from '../../support/scriptedAcceptor.js';

const octetsOf = (count: number): Uint8Array => testEnvironment(0, count + 1).randomBytes(count);

/** A stream, the server's end of its socket, and the server's context. */
function connection(parts: Parameters<typeof layerPair>[0] = {}) {
  const { layer, acceptor } = layerPair(parts);
  const [socket, peer] = duplexPair();
  return { stream: new SaslStream(socket, layer), socket, peer, acceptor };
}

/** How a stream ended: its error's code or message, or 'closed'. */
function outcome(stream: Duplex): Promise<string> {
  return new Promise((resolve) => {
    stream.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    stream.once('close', () => resolve('closed'));
  });
}

/** What the peer has received so far. */
function collect(peer: Duplex): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  peer.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  return chunks;
}

describe('reading', () => {
  it('does not care where chunks end', async () => {
    const messages = [octetsOf(3), octetsOf(50)];
    const plain = Buffer.from(concat(...messages));
    const { length } = framed(connection().acceptor.wrap(messages[0]!));
    for (let cut = 0; cut <= 2 * length; cut++) {
      const { stream, peer, acceptor } = connection();
      const octets = concat(...messages.map((message) => framed(acceptor.wrap(message))));
      peer.write(octets.subarray(0, cut));
      peer.end(octets.subarray(cut));
      expect(await buffer(stream)).toEqual(plain);
    }
  });

  it('works octet by octet', async () => {
    const { stream, peer, acceptor } = connection();
    for (const octet of framed(acceptor.wrap(octetsOf(100)))) peer.write(Uint8Array.of(octet));
    peer.end();
    expect(await buffer(stream)).toEqual(Buffer.from(octetsOf(100)));
  });

  it('passes empty messages over', async () => {
    const { stream, peer, acceptor } = connection();
    peer.end(concat(framed(acceptor.wrap(octetsOf(0))), framed(acceptor.wrap(octetsOf(4)))));
    expect(await buffer(stream)).toEqual(Buffer.from(octetsOf(4)));
  });

  it('stops the socket when nobody takes the data', async () => {
    const { stream, socket, peer, acceptor } = connection();
    let written = 0;
    const fill = (): void => {
      for (let more = true; more && written < 200; written++)
        more = peer.write(framed(acceptor.wrap(octetsOf(10_000))));
    };
    const settle = async (): Promise<number> => {
      for (let i = 0; i < 50; i++) await turn();
      return written;
    };
    peer.on('drain', fill);
    stream.read(0);
    fill();
    const stopped = await settle();
    expect(socket.isPaused()).toBe(true);
    expect(stream.readableLength).toBeLessThanOrEqual(stream.readableHighWaterMark + 10_000);
    expect(await settle()).toBe(stopped);
    stream.resume();
    expect(stopped).toBeLessThan(20);
    expect(await settle()).toBe(200);
    stream.destroy();
  });

  it('gives what came before a broken buffer, then its error', async () => {
    const { stream, socket, peer, acceptor } = connection();
    const received = collect(stream);
    const ended = outcome(stream);
    peer.write(framed(acceptor.wrap(octetsOf(4))));
    await turn();
    peer.write(framed(octetsOf(40)));
    expect(await ended).toBe('ERR_GSS_TOKEN');
    expect(Buffer.concat(received)).toEqual(Buffer.from(octetsOf(4)));
    expect(socket.destroyed).toBe(true);
  });

  it('refuses a buffer above the limit', async () => {
    const { stream, peer } = connection({ maxReceiveBuffer: 100 });
    const ended = outcome(stream.resume());
    peer.write(Uint8Array.of(0, 0, 0, 101));
    expect(await ended).toBe('ERR_SASL_BUFFER');
  });

  it('takes an end within a buffer for an attack', async () => {
    const { stream, peer, acceptor } = connection();
    const ended = outcome(stream.resume());
    peer.end(framed(acceptor.wrap(octetsOf(4))).subarray(0, 30));
    expect(await ended).toBe('ERR_SASL_BUFFER');
  });
});

describe('writing', () => {
  it('sends buffers of the peer’s size', async () => {
    const { stream, peer, acceptor } = connection({ maxSendBuffer: 1000 });
    const received = collect(peer);
    await new Promise((resolve) => stream.write(octetsOf(5000), resolve));
    stream.end();
    await turn();
    const messages = unframed(concat(...received)).map((token) => {
      expect(token.length).toBeLessThanOrEqual(1000);
      return acceptor.unwrap(token).message;
    });
    expect(concat(...messages)).toEqual(octetsOf(5000));
  });

  it('takes text as any stream does', async () => {
    const { stream, peer, acceptor } = connection();
    const received = collect(peer);
    stream.write('grüße', 'utf8');
    await turn();
    const [token] = unframed(concat(...received));
    expect(Buffer.from(acceptor.unwrap(token!).message).toString()).toBe('grüße');
    stream.destroy();
  });

  it('waits for the socket: one large write is not sealed at once', async () => {
    const { stream, socket, peer, acceptor } = connection({ maxSendBuffer: 5000 });
    let finished = false;
    stream.write(octetsOf(200_000), () => {
      finished = true;
    });
    for (let i = 0; i < 20; i++) await turn();
    expect(finished).toBe(false);
    expect(socket.writableLength).toBeLessThan(socket.writableHighWaterMark + 10_000);
    const received = collect(peer);
    while (!finished) await turn();
    await turn();
    const messages = unframed(concat(...received)).map((token) => acceptor.unwrap(token).message);
    expectOctets(concat(...messages), octetsOf(200_000));
    stream.destroy();
  });

  it('is an error after the layer has died', async () => {
    const { layer } = layerPair();
    const [socket] = duplexPair();
    const stream = new SaslStream(socket, layer);
    layer.delete();
    const ended = outcome(stream);
    stream.write('x');
    expect(await ended).toBe('ERR_GSS_STATE');
  });
});

describe('the end', () => {
  it('of our side leaves the other open', async () => {
    const { stream, peer, acceptor } = connection();
    const received = collect(peer);
    const peerEnded = new Promise((resolve) => peer.once('end', resolve));
    stream.end('last words');
    await peerEnded;
    const [token] = unframed(concat(...received));
    expect(Buffer.from(acceptor.unwrap(token!).message).toString()).toBe('last words');
    peer.end(framed(acceptor.wrap(Buffer.from('answer'))));
    expect((await buffer(stream)).toString()).toBe('answer');
  });

  it('of the peer’s side leaves ours open', async () => {
    const { stream, peer, acceptor } = connection();
    const received = collect(peer);
    const ended = new Promise((resolve) => stream.once('end', resolve));
    stream.resume();
    peer.end();
    await ended;
    stream.end('still here');
    expect(await outcome(stream)).toBe('closed');
    const [token] = unframed(concat(...received));
    expect(Buffer.from(acceptor.unwrap(token!).message).toString()).toBe('still here');
  });

  it('follows the socket when that allows no half-open connection', async () => {
    const { layer } = layerPair();
    const [socket, peer] = duplexPair({ allowHalfOpen: false });
    const stream = new SaslStream(socket, layer);
    const ended = outcome(stream.resume());
    peer.resume().end();
    expect(await ended).toBe('closed');
    expect(stream.writableEnded).toBe(true);
  });

  it('on both sides destroys both', async () => {
    const { stream, socket, peer } = connection();
    peer.resume().end();
    stream.resume().end();
    expect(await outcome(stream)).toBe('closed');
    expect(socket.destroyed).toBe(true);
  });
});

describe('failures', () => {
  it('of the socket are errors here', async () => {
    const { stream, socket } = connection();
    const ended = outcome(stream);
    socket.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    expect(await ended).toBe('ECONNRESET');
  });

  it('of the reader destroy the socket', async () => {
    const { stream, socket } = connection();
    const ended = outcome(stream);
    stream.destroy(new Error('enough'));
    expect(await ended).toBe('enough');
    expect(socket.destroyed).toBe(true);
  });

  it('leave nobody waiting: the socket closes without an end', async () => {
    const { stream, socket } = connection();
    const ended = outcome(stream.resume());
    socket.destroy();
    expect(await ended).toBe('closed');
  });

  it('leave nobody waiting: the socket closes while a write waits for it', async () => {
    const { stream, socket, peer } = connection();
    const written = new Promise((resolve) => stream.write(octetsOf(300_000), resolve));
    peer.end();
    stream.resume();
    await turn();
    socket.destroy();
    expect(await written).toBeInstanceOf(Error);
    expect(stream.destroyed).toBe(true);
  });

  it('come before the start: a socket that is gone', async () => {
    const { layer } = layerPair();
    const [socket] = duplexPair();
    socket.destroy();
    expect(await outcome(new SaslStream(socket, layer))).toBe('closed');
    const [failed] = duplexPair();
    failed.on('error', () => undefined).destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    expect(await outcome(new SaslStream(failed, layerPair().layer))).toBe('ECONNRESET');
  });

  it('come before the start: a socket whose other side has ended', async () => {
    const [socket, peer] = duplexPair();
    const ended = new Promise((resolve) => socket.resume().once('end', resolve));
    peer.end();
    await ended;
    expect(await buffer(new SaslStream(socket, layerPair().layer))).toHaveLength(0);
  });

  it('come from a socket that gives text instead of octets', async () => {
    const { layer } = layerPair();
    const [socket, peer] = duplexPair();
    socket.setEncoding('utf8');
    const ended = outcome(new SaslStream(socket, layer).resume());
    peer.write('text');
    expect(await ended).toContain('octets must be');
  });

  it('come before the start: a socket that the peer has ended', async () => {
    const { layer } = layerPair();
    const [socket, peer] = duplexPair();
    const ended = new Promise((resolve) => socket.once('end', resolve));
    peer.end();
    socket.resume();
    await ended;
    expect(await buffer(new SaslStream(socket, layer))).toHaveLength(0);
  });

  it('are thrown to those who iterate', async () => {
    const { stream, peer, acceptor } = connection();
    peer.write(framed(acceptor.wrap(octetsOf(4))));
    peer.write(Uint8Array.of(255, 255, 255, 255));
    await expect(
      (async () => {
        for await (const chunk of stream) expect(chunk).toHaveLength(4);
      })(),
    ).rejects.toMatchObject({ code: 'ERR_SASL_BUFFER' });
  });
});

describe('what a SaslStream is made of', () => {
  const made = (socket: unknown, layer: unknown) => () =>
    new SaslStream(socket as Duplex, layer as ConstructorParameters<typeof SaslStream>[1]);

  it('is named when it is missing: no layer was agreed, or there is no socket', () => {
    expect(made(duplexPair()[0], undefined)).toThrow(/^layer must be/);
    expect(made(undefined, layerPair().layer)).toThrow(/^socket must be/);
    expect(made(layerPair().layer, duplexPair()[0])).toThrow(TypeError);
  });
});

it('a SaslStream that is destroyed wipes the keys of its layer', async () => {
  const { layer } = layerPair();
  const stream = new SaslStream(duplexPair()[0], layer);
  stream.destroy();
  expect(() => layer.encode(octetsOf(1))).toThrow(expect.objectContaining({ code: 'ERR_GSS_STATE' }));
});
