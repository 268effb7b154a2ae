/**
 * Free loopback ports, found by binding them (two krb5kdc on one UDP port would both start and steal
 * each other's datagrams), and the kernel's list of listening ports as the sign that a server is ready.
 */

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Below Linux's ephemeral ports (32768-60999), so that no outgoing connection takes one in between. */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;
const ATTEMPTS = 200;

/** Loopback addresses of this machine: 127.0.0.1, and ::1 unless IPv6 is off. */
export function loopbackAddresses() {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.some(({ address }) => address === '::1') ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
}

/** `127.0.0.1:88` or `[::1]:88`. @param {string} address @param {number} port */
export function hostPort(address, port) {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A port free on UDP and TCP on every loopback address; never the same one twice, also by runs side by side. */
export async function freePort() {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    if ((await reserved(port)) && (await isFree(port))) return port;
  }
  throw new Error(`no free port between ${LOWEST_PORT} and ${HIGHEST_PORT} on the loopback addresses`);
}

/** Takes the port for this process. @param {number} port */
async function reserved(port) {
  return (await claim(`port-${port}`)) !== undefined;
}

/**
 * Takes what has the name for this process, until it ends however it does: by a socket in Linux's abstract namespace, which
 * no server's binding meets. `close()` gives it back. Undefined where a process has it already.
 * @param {string} name @returns {Promise<import('node:net').Server | undefined>}
 */
export function claim(name) {
  return new Promise((resolve) => {
    const server = createServer().unref();
    server.once('error', () => resolve(undefined));
    server.listen({ path: `\0krb5-client-${name}`, exclusive: true }, () => resolve(server));
  });
}

/** Whether nobody holds the port, UDP or TCP, on any loopback address. @param {number} port */
export async function isFree(port) {
  for (const address of loopbackAddresses()) {
    if (!(await tcpFree(address, port)) || !(await udpFree(address, port))) return false;
  }
  return true;
}

/** @param {string} address @param {number} port @returns {Promise<boolean>} */
function tcpFree(address, port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** @param {string} address @param {number} port @returns {Promise<boolean>} */
function udpFree(address, port) {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

/** Whether somebody listens on the TCP port (any address). @param {number} port */
export function tcpListening(port) {
  const LISTEN = '0A';
  return socketStates('tcp', port).includes(LISTEN);
}

/** Whether somebody has bound the UDP port (any address). @param {number} port */
export function udpBound(port) {
  return socketStates('udp', port).length > 0;
}

/** @param {'tcp' | 'udp'} protocol @param {number} port */
function socketStates(protocol, port) {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return [protocol, `${protocol}6`].flatMap((name) =>
    procNet(name)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local]) => local?.endsWith(suffix))
      .map(([, , , state]) => state ?? ''),
  );
}

/** @param {string} name */
function procNet(name) {
  try {
    return readFileSync(`/proc/net/${name}`, 'utf8').split('\n').slice(1);
  } catch {
    return []; // no IPv6
  }
}

/**
 * Whether somebody listens at the UNIX socket; a daemon that has ended may have left its file.
 * @param {string} path
 * @returns {Promise<boolean>}
 */
export function socketListening(path) {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
