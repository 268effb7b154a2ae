import { createSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { concat, fromHex } from '../../src/bytes.js';
import { TransportError } from '../../src/errors.js';
import type { TraceEvent } from '../../src/trace.js';
import { frame } from '../../src/transport/framing.js';
import { type KdcServer, type SendOptions, sendToKdc } from '../../src/transport/kdc.js';
import { turns, until } from '../support/until.js';
import {
  AS_REP,
  AS_REQ,
  answering,
  bothServers,
  DEAD_PORTS,
  KRB_ERROR,
  openSockets,
  silent,
  tcpServer,
  udpServer,
} from './sockets.js';

/** Longer than any test: a test that waits for it fails. */
const NEVER_MS = 600_000;
/** However slow the machine: nobody gives up a server, only the next one is asked soon. */
const TIMING = {
  ...{ staggerMs: 30, retransmitMs: NEVER_MS, holdMs: NEVER_MS },
  ...{ connectTimeoutMs: NEVER_MS, lookupTimeoutMs: NEVER_MS },
};
/** Sends again as often as it takes. */
const PERSISTENT = { retransmitMs: 30, passes: 20 };
const TCP = { udpPreferenceLimit: 1 };

function send(servers: readonly KdcServer[], options: Partial<SendOptions> = {}): Promise<Uint8Array> {
  const { timing, ...rest } = options;
  return sendToKdc(AS_REQ, servers, {
    realm: 'EXAMPLE.TEST',
    udpPreferenceLimit: 1465,
    timeoutMs: 60_000,
    timing: { ...TIMING, ...timing },
    ...rest,
  });
}

async function failure(sending: Promise<Uint8Array>): Promise<TransportError> {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(TransportError);
  return error as TransportError;
}

/** Stops the clock of every pause; the test moves it. */
function holdTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

const at = (port: number, protocol?: 'udp' | 'tcp', host = '127.0.0.1'): KdcServer =>
  protocol === undefined ? { host, port } : { host, port, protocol };

const shape = (error: TransportError) => error.attempts.map((a) => `${a.protocol} ${a.server}: ${a.outcome}`);

describe('sendToKdc over UDP', () => {
  it('sends the message as it is and returns the reply', async () => {
    let received: Uint8Array | undefined;
    const port = await udpServer((socket, octets, from) => {
      received = Uint8Array.from(octets);
      socket.send(AS_REP, from.port, from.address);
    });
    const reply = await send([at(port)]);
    expect(reply).toEqual(AS_REP);
    expect(reply.constructor).toBe(Uint8Array);
    expect(received).toEqual(AS_REQ);
  });

  it('speaks IPv6', async () => {
    const port = await udpServer(answering(AS_REP), '::1');
    expect(await send([at(port, 'udp', '0:0:0:0:0:0:0:1')])).toEqual(AS_REP);
  });

  it('ignores datagrams that are no reply', async () => {
    const port = await udpServer((socket, _, from) => {
      for (const stray of ['', '00', '6b 80', '6b 05 00', 'ff ff ff ff', '6a 03 01 02 03']) {
        socket.send(fromHex(stray), from.port, from.address);
      }
      socket.send(KRB_ERROR, from.port, from.address);
    });
    expect(await send([at(port, 'udp')])).toEqual(KRB_ERROR);
  });

  it('ignores a reply from another port', async () => {
    const stranger = createSocket('udp4');
    onTestFinished(() => void stranger.close());
    let forged = 0;
    const port = await udpServer((socket, _, from, count) => {
      stranger.send(KRB_ERROR, from.port, from.address, () => forged++);
      if (count === 2) socket.send(AS_REP, from.port, from.address);
    });
    expect(await send([at(port, 'udp')], { timing: PERSISTENT })).toEqual(AS_REP);
    expect(forged).toBeGreaterThanOrEqual(1);
  });

  it('sends again when the first datagram is lost', async () => {
    const port = await udpServer((socket, _, from, count) => {
      if (count === 2) socket.send(AS_REP, from.port, from.address);
    });
    expect(await send([at(port, 'udp')], { timing: PERSISTENT })).toEqual(AS_REP);
  });

  it('sends three times and then gives up', async () => {
    let count = 0;
    const port = await udpServer(() => count++);
    const error = await failure(send([at(port, 'udp')], { timing: { retransmitMs: 30 } }));
    expect(error.code).toBe('ERR_KDC_UNREACHABLE');
    expect(shape(error)).toEqual([`udp 127.0.0.1:${port}: no answer within 3 tries`]);
    await until(() => count >= 3);
    expect(count).toBe(3);
  });

  it('moves on at once when refused', async () => {
    const [dead, alive] = [DEAD_PORTS[0], await udpServer(answering(AS_REP))];
    const timing = { staggerMs: NEVER_MS };
    expect(await send([at(dead, 'udp'), at(alive, 'udp')], { timing })).toEqual(AS_REP);
  });

  it('asks the second server while the first stays open, and takes the late reply of the first', async () => {
    let answer = (): void => {};
    const slow = await udpServer((socket, _, from) => {
      answer = () => socket.send(AS_REP, from.port, from.address);
    });
    const mute = await udpServer(() => answer());
    expect(await send([at(slow, 'udp'), at(mute, 'udp')], { timing: { passes: 1 } })).toEqual(AS_REP);
  });
});

describe('sendToKdc over TCP', () => {
  it('frames the request and reads a reply in segments of one octet', async () => {
    let received: Uint8Array | undefined;
    const port = await tcpServer(async (socket, octets) => {
      received = Uint8Array.from(octets);
      socket.setNoDelay(true);
      for (const octet of frame(AS_REP)) {
        socket.write(Uint8Array.of(octet));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
    expect(await send([at(port)], TCP)).toEqual(AS_REP);
    expect(received).toEqual(frame(AS_REQ));
  });

  it('speaks IPv6', async () => {
    const port = await tcpServer((socket) => socket.write(frame(AS_REP)), '::1');
    expect(await send([at(port, 'tcp', '::1')])).toEqual(AS_REP);
  });

  it('takes a reply from a server that closes its half right after it', async () => {
    const port = await tcpServer((socket) => socket.end(frame(AS_REP)));
    expect(await send([at(port, 'tcp')])).toEqual(AS_REP);
  });

  it('takes a reply although junk follows it', async () => {
    const port = await tcpServer((socket) => socket.end(concat(frame(AS_REP), fromHex('ff ff ff ff ff'))));
    expect(await send([at(port, 'tcp')])).toEqual(AS_REP);
  });

  it.each([
    ['nothing', '', 'connection closed after 0 of 4 octets'],
    ['half a length', '00 00', 'connection closed after 2 of 4 octets'],
    ['half a reply', '00 00 00 05 6b 03', 'connection closed after 2 of 5 octets'],
    ['no Kerberos reply', '00 00 00 02 30 00', 'answered with 2 octets that are no Kerberos reply'],
  ])('says so when the server sends %s and closes', async (_, hex, outcome) => {
    const port = await tcpServer((socket) => socket.end(fromHex(hex)));
    const error = await failure(send([at(port, 'tcp')]));
    expect(error.code).toBe('ERR_KDC_UNREACHABLE');
    expect(shape(error)).toEqual([`tcp 127.0.0.1:${port}: ${outcome}`]);
  });

  it('refuses a reply above the limit and goes on to the next server', async () => {
    const hostile = await tcpServer((socket) => socket.write(fromHex('7f ff ff ff 6b')));
    const alive = await tcpServer((socket) => socket.write(frame(AS_REP)));
    expect(await send([at(hostile, 'tcp'), at(alive, 'tcp')])).toEqual(AS_REP);
    const error = await failure(send([at(hostile, 'tcp'), at(DEAD_PORTS[0], 'tcp')]));
    expect(error.code).toBe('ERR_REPLY_TOO_LARGE');
    expect(error.attempts).toHaveLength(2);
  });

  it('obeys maxReplyOctets', async () => {
    const port = await tcpServer((socket) => socket.write(frame(AS_REP)));
    const error = await failure(send([at(port, 'tcp')], { maxReplyOctets: AS_REP.length - 1 }));
    expect(error.code).toBe('ERR_REPLY_TOO_LARGE');
    expect(await send([at(port, 'tcp')], { maxReplyOctets: AS_REP.length })).toEqual(AS_REP);
  });

  it('waits longer for a connection that stands before it asks the next server', async () => {
    holdTimers();
    let slowSocket: Socket | undefined;
    const slow = await tcpServer((socket) => {
      slowSocket = socket;
    });
    let asked = 0;
    const other = await tcpServer(() => asked++);
    const reply = send([at(slow, 'tcp'), at(other, 'tcp')], { timing: { holdMs: 3000 } });
    await until(() => slowSocket !== undefined);
    await vi.advanceTimersByTimeAsync(30 + 2999);
    await turns(20);
    expect(asked).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    await until(() => asked > 0);
    slowSocket?.write(frame(AS_REP));
    expect(await reply).toEqual(AS_REP);
  });
});

describe('sendToKdc with several ways to go', () => {
  it('prefers UDP up to the limit and TCP above it', async () => {
    const port = await bothServers(answering(AS_REP), (socket) => socket.write(frame(KRB_ERROR)));
    expect(await send([at(port)], { udpPreferenceLimit: AS_REQ.length })).toEqual(AS_REP);
    expect(await send([at(port)], { udpPreferenceLimit: AS_REQ.length - 1 })).toEqual(KRB_ERROR);
    expect(await send([at(port)], { tcpOnly: true })).toEqual(KRB_ERROR);
    expect(await send([at(port, 'tcp')])).toEqual(KRB_ERROR);
    expect(await send([at(port, 'udp')], TCP)).toEqual(AS_REP);
  });

  it('turns to TCP where UDP is refused or silent', async () => {
    const refused = await tcpServer((socket) => socket.write(frame(AS_REP)));
    expect(await send([at(refused)])).toEqual(AS_REP);
    const mute = await bothServers(silent, (socket) => socket.write(frame(AS_REP)));
    expect(await send([at(mute)])).toEqual(AS_REP);
  });

  it('turns to UDP where TCP is refused', async () => {
    const port = await udpServer(answering(AS_REP));
    expect(await send([at(port)], { ...TCP, timing: { holdMs: 30 } })).toEqual(AS_REP);
  });

  it('tries all servers with one protocol before the other', async () => {
    const [first, second] = DEAD_PORTS;
    const error = await failure(send([at(first), at(second)]));
    expect(error.code).toBe('ERR_KDC_UNREACHABLE');
    expect(shape(error)).toEqual([
      `udp 127.0.0.1:${first}: connection refused`,
      `udp 127.0.0.1:${second}: connection refused`,
      `tcp 127.0.0.1:${first}: connection refused`,
      `tcp 127.0.0.1:${second}: connection refused`,
    ]);
    expect(error.message).toContain(`udp 127.0.0.1:${first}: connection refused`);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('tries every address of a host name', async () => {
    const port = await udpServer(answering(AS_REP), '::1');
    const lookup = async () => [
      { address: '127.0.0.1', family: 4 as const },
      { address: '::1', family: 6 as const },
    ];
    const host = 'kdc.example.test';
    expect(await send([{ host, port }], { lookup })).toEqual(AS_REP);
    const error = await failure(send([{ host, port: DEAD_PORTS[0], protocol: 'tcp' }], { lookup }));
    expect(error.attempts.map((a) => a.outcome)).toEqual([
      'connection refused (127.0.0.1)',
      'connection refused (::1)',
    ]);
  });

  it('finds the addresses of a host name with the resolver of the system', async () => {
    const port = await udpServer(answering(AS_REP));
    expect(await send([{ host: 'localhost', port, protocol: 'udp' }])).toEqual(AS_REP);
  });

  it('goes on when a name has no address or its lookup hangs', async () => {
    const alive = await udpServer(answering(AS_REP));
    const lookup = async (host: string) => {
      if (host === 'hangs.test') return new Promise<never>(() => {});
      if (host === 'none.test') throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
      return host === 'empty.test' ? [] : [{ address: '127.0.0.1', family: 4 as const }];
    };
    const hosts = ['hangs.test', 'none.test', 'empty.test'].map((host) => ({
      host,
      port: 88,
      protocol: 'udp' as const,
    }));
    const options = { lookup, timing: { lookupTimeoutMs: 20 } };
    expect(await send([...hosts, { host: 'kdc.test', port: alive }], options)).toEqual(AS_REP);
    const error = await failure(send(hosts, options));
    expect(shape(error)).toEqual([
      'udp hangs.test:88: the name lookup was not answered in time',
      'udp none.test:88: host name not found',
      'udp empty.test:88: the host name has no address',
    ]);
  });

  it('keeps a reply that another server may better, in case none does', async () => {
    const busy = at(await udpServer(answering(KRB_ERROR)), 'udp');
    const alive = at(await udpServer(answering(AS_REP)), 'udp');
    const preferAnother = (reply: Uint8Array) => reply[0] === 0x7e;
    expect(await send([busy, alive], { preferAnother })).toEqual(AS_REP);
    expect(await send([busy, at(DEAD_PORTS[0], 'udp')], { preferAnother })).toEqual(KRB_ERROR);
  });

  it('takes the replies of a password server when told so', async () => {
    const answer = fromHex('00 08 00 01 00 00 01 02');
    const port = await udpServer(answering(answer));
    expect(await send([at(port, 'udp')], { service: 'kpasswd' })).toEqual(answer);
  });
});

describe('sendToKdc gives up', () => {
  it('at the deadline, listing what was open and what was not tried', async () => {
    holdTimers();
    const asked: string[] = [];
    const mute = await udpServer(() => asked.push('mute'));
    const half = await tcpServer((socket) => socket.write(fromHex('00 00'), () => asked.push('half')));
    const stuck = await tcpServer(() => asked.push('stuck'));
    const servers = [at(mute, 'udp'), at(half, 'tcp'), at(stuck, 'tcp'), at(88, 'tcp', '192.0.2.1')];
    const failed = failure(send(servers, { timeoutMs: 250, timing: { holdMs: 100 } }));
    await until(() => asked.length === 1);
    await vi.advanceTimersByTimeAsync(30);
    await until(() => asked.length === 2);
    await vi.advanceTimersByTimeAsync(30 + 100);
    await until(() => asked.length === 3);
    await turns(20);
    await vi.advanceTimersByTimeAsync(250 - 30 - 30 - 100);
    const error = await failed;
    expect(error.code).toBe('ERR_KDC_UNREACHABLE');
    expect(error.attempts.map((a) => a.outcome)).toEqual([
      'no answer within 1 try',
      'only 2 of 4 octets came in time',
      'connected, but no answer in time',
      'not tried before the end',
    ]);
  });

  it('when the signal aborts on the way', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const port = await udpServer(() => controller.abort(reason));
    const timing = { staggerMs: NEVER_MS };
    const error = await failure(send([at(port)], { signal: controller.signal, timing }));
    expect(error.code).toBe('ERR_ABORTED');
    expect(error.cause).toBe(reason);
    expect(error.attempts[0]?.outcome).toBe('no answer within 1 try');
  });

  it('before it starts when the signal is aborted already', async () => {
    const error = await failure(send([at(88)], { signal: AbortSignal.abort('no') }));
    expect(error.code).toBe('ERR_ABORTED');
    expect(error.cause).toBe('no');
    expect(error.attempts).toEqual([]);
  });

  it('when no server is known', async () => {
    const error = await failure(send([]));
    expect(error.code).toBe('ERR_KDC_UNKNOWN');
    expect(error.message).toContain('[realms]');
  });

  it('when TCP is needed and no server speaks it', async () => {
    const error = await failure(send([at(88, 'udp')], { tcpOnly: true }));
    expect(error.code).toBe('ERR_KDC_UNREACHABLE');
    expect(error.attempts).toHaveLength(1);
  });

  it.each([
    ['message', new Uint8Array(), [at(88)], {}, RangeError],
    ['message', 'text', [at(88)], {}, TypeError],
    ['servers', AS_REQ, 'kdc', {}, TypeError],
    ['host', AS_REQ, [{ host: '', port: 88 }], {}, TypeError],
    ['host', AS_REQ, [{ host: 'a\0b', port: 88 }], {}, TypeError],
    ['port', AS_REQ, [at(0)], {}, RangeError],
    ['port', AS_REQ, [at(65_536)], {}, RangeError],
    ['protocol', AS_REQ, [{ host: 'a', port: 88, protocol: 'sctp' }], {}, TypeError],
    ['timeoutMs', AS_REQ, [at(88)], { timeoutMs: 0 }, RangeError],
    ['timeoutMs', AS_REQ, [at(88)], { timeoutMs: Number.NaN }, RangeError],
    ['maxReplyOctets', AS_REQ, [at(88)], { maxReplyOctets: 0 }, RangeError],
  ])('naming the wrong argument %s', async (name, message, servers, options, kind) => {
    const all = { realm: 'EXAMPLE.TEST', udpPreferenceLimit: 1465, timeoutMs: 100, ...options };
    const sending = sendToKdc(message as Uint8Array, servers as KdcServer[], all);
    await expect(sending).rejects.toThrow(kind);
    await expect(sending).rejects.toThrow(name);
  });
});

describe('sendToKdc leaves nothing open', () => {
  /** Runs `body`, after which no timer ticks and, as before it, only the test's own sockets are open. */
  async function expectNothingLeft(own: readonly string[], body: () => Promise<unknown>): Promise<void> {
    const onlyOwn = (): boolean => openSockets().join() === own.join();
    await until(onlyOwn);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
    onTestFinished(() => void vi.useRealTimers());
    await body();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    await until(onlyOwn).catch(() => undefined);
    expect(openSockets()).toEqual(own);
  }

  it('after a reply, a failure, a deadline and an abort', async () => {
    const mute = at(await udpServer(silent), 'udp');
    const gone = at(DEAD_PORTS[0]);
    const listening = new Set<Socket>();
    let heard = (): void => {};
    const onRequest = (socket: Socket): void => {
      listening.add(socket);
      heard();
    };
    const stuck = at(await tcpServer(onRequest), 'tcp');
    const alive = at(await udpServer(answering(AS_REP)), 'udp');
    const controller = new AbortController();
    await expectNothingLeft(['TCPServerWrap', 'UDPWrap', 'UDPWrap'], async () => {
      expect(await send([mute, gone, stuck, alive])).toEqual(AS_REP);
      const giveUp = { timing: { retransmitMs: 30 } };
      expect((await failure(send([mute, gone], giveUp))).code).toBe('ERR_KDC_UNREACHABLE');
      expect((await failure(send([stuck, mute], { timeoutMs: 60 }))).code).toBe('ERR_KDC_UNREACHABLE');
      heard = () => controller.abort();
      expect((await failure(send([mute, stuck], { signal: controller.signal }))).code).toBe('ERR_ABORTED');
      for (const socket of listening) socket.destroy();
    });
    expect(listening.size).toBeGreaterThan(0);
  });

  it('when aborted or timed out in the tick after the start', async () => {
    const port = await udpServer(silent);
    await expectNothingLeft(['UDPWrap'], async () => {
      for (const options of [{}, TCP]) {
        const controller = new AbortController();
        const sending = failure(send([at(port)], { signal: controller.signal, ...options }));
        queueMicrotask(() => controller.abort());
        expect((await sending).code).toBe('ERR_ABORTED');
        expect((await failure(send([at(port)], { timeoutMs: 0.01, ...options }))).code).toBe(
          'ERR_KDC_UNREACHABLE',
        );
      }
    });
  });
});

describe('sendToKdc traces', () => {
  it('what it sends, what fails and what it receives', async () => {
    const [dead] = DEAD_PORTS;
    const port = await udpServer(answering(KRB_ERROR));
    const events: TraceEvent[] = [];
    const timing = { staggerMs: NEVER_MS };
    await send([at(dead, 'udp'), at(port)], { timing, trace: (event) => events.push(event) });
    expect(events.map((e) => e.event)).toEqual(['kdc.send', 'kdc.attempt', 'kdc.send', 'kdc.receive']);
    expect(events[0]?.text).toBe(`Sending AS-REQ (5 octets) to udp 127.0.0.1:${dead}`);
    expect(events[1]?.text).toBe(`udp 127.0.0.1:${dead}: connection refused`);
    expect(events[3]?.text).toBe(`Received KRB-ERROR (4 octets) from udp 127.0.0.1:${port}`);
    expect(events[3]?.data).toEqual({
      realm: 'EXAMPLE.TEST',
      server: `127.0.0.1:${port}`,
      address: '127.0.0.1',
      protocol: 'udp',
      message: 'KRB-ERROR',
      octets: 4,
    });
  });
});
