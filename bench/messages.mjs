/** Encoding and decoding of every message, with its size. */
import { declarations, decode, encode } from '../dist/messages/module.js';
import * as spnego from '../dist/spnego/messages.js';
import { kerberosSamples, SPNEGO_SAMPLES } from './samples.mjs';

/** Rows of the suite. */
export async function messagesBench({ time }) {
  const rows = [];
  for (const { message, write, read } of conversions()) {
    const octets = write();
    const base = { suite: 'messages', message, bytes: octets.length };
    rows.push({ ...base, name: 'encode', ...(await time(write)) });
    rows.push({ ...base, name: 'decode', ...(await time(() => read(octets))) });
  }
  return rows;
}

function conversions() {
  const samples = kerberosSamples(encode);
  for (const [message, declaration] of Object.entries(declarations)) {
    if ('application' in declaration && !(message in samples)) throw new Error(`no sample of ${message}`);
  }
  return [
    ...Object.entries(samples).map(([message, value]) => ({
      message,
      write: () => encode(message, value),
      read: (octets) => decode(message, octets),
    })),
    ...Object.entries(SPNEGO_SAMPLES).map(([message, value]) => ({
      message,
      write: () => spnego.encode('NegotiationToken', value),
      read: (octets) => spnego.decode('NegotiationToken', octets),
    })),
  ];
}
