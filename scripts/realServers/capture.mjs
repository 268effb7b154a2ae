/**
 * Loopback traffic recorded by dumpcap and judged by tshark, which decrypts it with the realm's keytab.
 * A marker datagram on a port of our own shows when dumpcap really records, and when everything sent
 * before has reached the file: no fixed waits.
 */

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { mustRun, start } from './processes.mjs';

const MARKER_INTERVAL_MS = 50;
const FLUSH_LIMIT_MS = 60_000;

/**
 * Starts recording what goes to and from the ports on the loopback interface.
 * @param {string} file  pcapng file to write @param {readonly number[]} ports
 * @returns {Promise<import('./index.mjs').Capture>}
 */
export async function startCapture(file, ports) {
  const marker = await openMarker();
  writeFileSync(file, '');
  chmodSync(file, 0o666); // dumpcap may drop its rights
  const filter = [...ports, marker.port].map((port) => `port ${port}`).join(' or ');
  const dumpcap = await start('dumpcap', ['-i', 'lo', '-p', '-q', '-w', file, '-f', filter], {
    log: `${file}.log`,
    readyWhen: () => marker.seenIn(file),
  }).catch((error) => {
    marker.close();
    throw error;
  });
  return {
    file,
    async stop() {
      try {
        await marker.flushed(file);
      } finally {
        marker.close();
        await dumpcap.stop('SIGINT');
      }
      return file;
    },
  };
}

/** A bound UDP socket that sends datagrams with a text of its own to itself. */
async function openMarker() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  let text = randomBytes(16).toString('hex');
  const seenIn = async (/** @type {string} */ file) => {
    socket.send(text, port, '127.0.0.1');
    await sleep(MARKER_INTERVAL_MS);
    return readFileSync(file).includes(text);
  };
  const flushed = async (/** @type {string} */ file) => {
    text = randomBytes(16).toString('hex');
    const deadline = Date.now() + FLUSH_LIMIT_MS;
    while (!(await seenIn(file))) {
      if (Date.now() > deadline) throw new Error(`the capture ${file} does not record any more`);
    }
  };
  return { port, seenIn, flushed, close: () => socket.close() };
}

/**
 * Reads a recorded file with tshark. Nothing is decoded until one of the functions is called.
 * @param {string} file @param {import('./index.mjs').DecodeOptions} options
 * @returns {import('./index.mjs').Decoder}
 */
export function decode(file, options) {
  const tshark = (/** @type {string[]} */ args) => runTshark(file, options, args);
  return {
    text: (filter) => tshark(['-V', ...displayFilter(filter)]),
    json: async (filter) => JSON.parse((await tshark(['-T', 'json', ...displayFilter(filter)])) || '[]'),
    fields: async (names, filter) => {
      const args = names.flatMap((name) => ['-e', name]);
      const out = await tshark(['-T', 'fields', '-E', 'separator=/t', ...args, ...displayFilter(filter)]);
      return rows(out).map((row) => Object.fromEntries(names.map((name, at) => [name, values(row[at])])));
    },
    expert: async (filter) => {
      const names = ['frame.number', '_ws.expert.severity', '_ws.expert.message', '_ws.malformed'];
      const wanted = filter === undefined ? '_ws.expert' : `(_ws.expert) && (${filter})`;
      const args = names.flatMap((name) => ['-e', name]);
      const out = await tshark([
        '-T',
        'fields',
        '-E',
        'separator=/t',
        '-E',
        'aggregator=|',
        ...args,
        '-Y',
        wanted,
      ]);
      return rows(out).flatMap(expertRow);
    },
  };
}

/** @param {string} out */
function rows(out) {
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}

/** @param {string | undefined} cell */
function values(cell) {
  return cell === undefined || cell === '' ? [] : cell.split(',');
}

/** Names of tshark's severities (PI_* of its epan/proto.h). @type {Record<number, string>} */
const SEVERITIES = {
  1048576: 'comment',
  2097152: 'chat',
  4194304: 'note',
  6291456: 'warning',
  8388608: 'error',
};

/** @param {string[]} row */
function expertRow([frame = '', severities = '', messages = '']) {
  const texts = messages.split('|');
  return severities.split('|').map((severity, at) => ({
    frame: Number(frame),
    severity: SEVERITIES[Number(severity)] ?? severity,
    message: texts[at] ?? '',
  }));
}

/** @param {string | undefined} filter */
function displayFilter(filter) {
  return filter === undefined ? [] : ['-Y', filter];
}

/** @param {string} file @param {import('./index.mjs').DecodeOptions} options @param {string[]} args */
async function runTshark(file, { keytab, kdcPorts = [], httpPorts = [], home }, args) {
  const as = [
    ...kdcPorts.flatMap((port) => ['-d', `udp.port==${port},kerberos`, '-d', `tcp.port==${port},kerberos`]),
    ...httpPorts.flatMap((port) => ['-d', `tcp.port==${port},http`]),
  ];
  const keys = keytab === undefined ? [] : ['-o', 'kerberos.decrypt:TRUE', '-o', `kerberos.file:${keytab}`];
  const env = { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC', ...(home === undefined ? {} : { HOME: home }) };
  const { stdout } = await mustRun('tshark', ['-n', '-r', file, ...as, ...keys, ...args], { env });
  return stdout;
}
