/** Our messages as tshark reads them with the realm's keys: an independent judge of octets and encryption. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Decoder,
  decode,
  type ExpertItem,
  startCapture,
  temporaryFolder,
} from '../../scripts/realServers/index.mjs';
import { passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm, apache } = servers();
const USER = 'u-aes256-sha384';

let capture: Decoder;

beforeAll(async () => {
  const folder = temporaryFolder('krb5-client-wire-');
  const recording = await startCapture(join(folder, 'wire.pcap'), [realm.kdcPort, apache.port]);
  const client = passwordClient(USER);
  await client.serviceTicket('sess/aes128-sha256');
  const context = await client.securityContext('HTTP@localhost');
  const token = Buffer.from(context.step().token!).toString('base64');
  const response = await fetch(`${apache.url}/krb`, { headers: { authorization: `Negotiate ${token}` } });
  expect(response.status).toBe(200);
  const file = await recording.stop();
  capture = decode(file, {
    keytab: realm.keytabs.wireshark,
    kdcPorts: [realm.kdcPort],
    httpPorts: [apache.port],
    home: folder,
  });
});

/** Our own messages: AS-REQ, TGS-REQ and the AP-REQ in the HTTP request. */
const OURS = 'kerberos.msg_type == 10 || kerberos.msg_type == 12 || kerberos.ap_req_element';

/** Remarks that are not mere chat or the note (tshark rates it a warning) with which key it decrypted. */
function complaints(items: readonly ExpertItem[]): ExpertItem[] {
  return items.filter(
    ({ severity, message }) =>
      !/^chat$/i.test(severity) && !/used keytab|used learnt|decrypted/i.test(message),
  );
}

describe('tshark', () => {
  it('recognises every message of login, service tickets and HTTP request', async () => {
    const rows = await capture.fields(['kerberos.msg_type', 'udp.payload'], 'kerberos && udp');
    // Each once: what is answered late is sent again.
    const types = new Map(rows.map((row) => [row['udp.payload']?.[0], row['kerberos.msg_type']?.[0]]));
    expect([...types.values()]).toEqual(['10', '30', '10', '11', '12', '13', '12', '13']);
  });

  it('decrypts the timestamp, the authenticators and the AP-REQ at Apache', async () => {
    const asReq = await capture.text('kerberos.msg_type == 10 && kerberos.patimestamp');
    expect(asReq).toContain(`Used keytab principal ${USER}@EXAMPLE.TEST`);
    const tgsReq = await capture.text('kerberos.msg_type == 12 && kerberos.authenticator_element');
    expect(tgsReq).toMatch(/authenticator-vno: 5/);
    expect(tgsReq).toContain('Decrypted keytype');
    const apReq = await capture.text('http && kerberos.ap_req_element');
    expect(apReq).toMatch(/authenticator-vno: 5/);
    expect(apReq).toMatch(/GSS_C_MUTUAL_FLAG|Mutual: Mutual authentication has been requested|mutual/i);
  });

  it('has nothing to complain about', async () => {
    const remarks = await capture.expert(OURS);
    expect(remarks.some(({ message }) => message.includes('Used keytab'))).toBe(true);
    expect(complaints(remarks)).toEqual([]);
    const text = await capture.text(OURS);
    expect(text).toContain('as-req');
    expect(text).not.toMatch(/Malformed|BER Error|Missing key/i);
  });
});
