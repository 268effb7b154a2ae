/**
 * The main job from end to end, with the built program against real servers: MIT's KDC and Apache with mod_auth_gssapi.
 * On Debian, as root, what is missing is installed. Everything is on loopback in a temporary folder and is ended here.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromCcache } from '../dist/index.js';
import {
  DEMO_PACKAGES,
  ensurePackages,
  startApache,
  startMitRealm,
  stopAll,
  temporaryFolder,
} from './realServers/index.mjs';

const KRB5 = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const SERVICE = 'HTTP@localhost';

async function main() {
  say('1. Servers: a Kerberos realm (MIT krb5kdc) and Apache with mod_auth_gssapi');
  await ensurePackages(DEMO_PACKAGES, (line) => indent(line));
  const realm = await startMitRealm();
  const apache = await startApache(realm);
  indent(`realm ${realm.realm}, KDC ${realm.kdc}; ${apache.url}/krb wants Negotiate`);

  const folder = temporaryFolder('krb5-client-demo-');
  const shell = { ccache: `FILE:${join(folder, 'ccache')}`, trace: join(folder, 'trace'), realm };

  say('2. Log in with a password');
  await krb5(shell, ['kinit', '-V', `alice@${realm.realm}`], `${realm.users['alice']}\n`);
  say('3. A ticket for a service');
  await krb5(shell, ['kvno', 'HTTP/localhost']);
  say('4. What is in the credential cache');
  await krb5(shell, ['klist', '-e', '-f']);
  say('   ... and what MIT klist makes of it');
  const mit = await realm.run('klist', ['-e'], { ccache: shell.ccache });
  indent(mit.stdout.trimEnd());
  say('5. An HTTP request with Authorization: Negotiate');
  await negotiate(shell, apache);
  say('6. The same with a wrong password');
  await krb5(shell, ['kinit', '-c', `${shell.ccache}-wrong`, `alice@${realm.realm}`], 'wrong\n', 1);
}

/** Runs our command line, shows what it printed and the messages it exchanged. */
async function krb5({ ccache, trace, realm }, args, input = '', expected = 0) {
  rmSync(trace, { force: true });
  indent(`$ krb5 ${args.join(' ')}`);
  const env = { ...process.env, KRB5_CONFIG: realm.krb5Conf, KRB5CCNAME: ccache, KRB5_TRACE: trace };
  const child = spawn(process.execPath, [KRB5, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  child.stdin.end(input);
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (output.trimEnd() !== '') indent(output.trimEnd());
  diagram(tracedMessages(trace));
  if (status !== expected) throw new Error(`krb5 ${args[0]} ended with ${status}, expected ${expected}`);
}

/** Token out, 200 and the server's proof back. */
async function negotiate({ ccache, realm }, apache) {
  process.env['KRB5_CONFIG'] = realm.krb5Conf;
  const client = await fromCcache({ ccache });
  const context = await client.securityContext(SERVICE);
  const { token } = context.step();
  const response = await fetch(`${apache.url}/krb`, {
    headers: { authorization: `Negotiate ${base64(token)}` },
  });
  const body = (await response.text()).trim();
  const reply = response.headers.get('www-authenticate')?.replace(/^Negotiate /, '') ?? '';
  context.step(Buffer.from(reply, 'base64'));
  diagram([
    {
      from: 'client',
      to: 'Apache',
      text: `GET /krb, Negotiate NegTokenInit { AP-REQ } (${token.length} octets)`,
    },
    { from: 'Apache', to: 'client', text: `${response.status}, Negotiate NegTokenResp { AP-REP }` },
  ]);
  indent(`Apache answered ${response.status}; it says: ${body}`);
  if (response.status !== 200 || !context.mutuallyAuthenticated) throw new Error('Apache did not let us in');
  indent('mutual authentication verified');
}

/** Messages of a KRB5_TRACE file. */
function tracedMessages(file) {
  let lines = [];
  try {
    lines = readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
  return lines.flatMap((line) => {
    const match = /(Sending|Received) (\S+) \((\d+) octets\) (?:to|from) (\w+) /.exec(line);
    if (match === null) return [];
    const [, verb, message, octets, protocol] = match;
    const [from, to] = verb === 'Sending' ? ['client', 'KDC'] : ['KDC', 'client'];
    return [{ from, to, text: `${message} (${octets} octets, ${protocol})` }];
  });
}

/** Arrows between client (left) and server (right). */
function diagram(messages) {
  if (messages.length === 0) return;
  const server = [messages[0].from, messages[0].to].find((name) => name !== 'client');
  const width = Math.max(...messages.map(({ text }) => text.length)) + 4;
  indent(`client ${' '.repeat(width)} ${server}`);
  for (const { from, text } of messages) {
    const line = ` ${text} `.padEnd(width, '-');
    indent(from === 'client' ? `   |--${line}->|` : `   |<-${line}--|`);
  }
}

function base64(octets) {
  return Buffer.from(octets).toString('base64');
}

function say(text) {
  console.log(`\n${text}`);
}

function indent(text) {
  for (const line of text.split('\n')) console.log(`   ${line}`);
}

try {
  await main();
  console.log('\nDone: a password became a token that Apache accepted.');
} finally {
  await stopAll();
}
