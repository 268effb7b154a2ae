/**
 * The main job from end to end with the built program: log in, get a ticket, be let in by a web server, verify it; then
 * what a user sees when the password is wrong and when no KDC answers.
 *
 *   npm run demo             against the embedded realm: any system, no other programs
 *   npm run demo -- --serve  keeps the embedded realm and servers running, for trying out docs/cookbook/http.md
 *   npm run demo -- --real   against MIT's KDC and Apache with mod_auth_gssapi; on Debian, as root, installs what is missing
 *
 * Everything is on loopback ports in a temporary folder and is ended here.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromCcache } from '../dist/index.js';
import { serve } from './demoServe.mjs';
import { embeddedServers, realServers } from './demoServers.mjs';

const KRB5 = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const SERVICE = 'HTTP@localhost';
const USER = 'alice';

const folder = mkdtempSync(join(tmpdir(), 'krb5-client-demo-'));
const ccache = `FILE:${join(folder, 'ccache')}`;
const trace = join(folder, 'trace');

/** @param {import('./demoServers.mjs').DemoServers} servers */
async function show(servers) {
  const user = `${USER}@${servers.realm}`;
  say(`1. Servers: ${servers.what}`);
  indent(`realm ${servers.realm}, KDC ${servers.kdc}; ${servers.url} wants Negotiate`);
  say('2. Log in with a password');
  await krb5(servers, ['kinit', '-V', user], `${servers.password}\n`);
  say('3. A ticket for a service');
  await krb5(servers, ['kvno', 'HTTP/localhost']);
  say('4. What is in the credential cache');
  await krb5(servers, ['klist', '-e', '-f']);
  if (servers.klist !== undefined) {
    say("   ... and what MIT's klist makes of it");
    indent(await servers.klist(ccache));
  }
  say('5. An HTTP request with Authorization: Negotiate');
  await negotiate(servers);
  say('6. A wrong password');
  const other = ['kinit', '-c', `${ccache}-other`, user];
  await krb5(servers, other, 'wrong\n', 1);
  say('7. A stopped KDC');
  await servers.stopKdc();
  await krb5(servers, other, `${servers.password}\n`, 1);
}

/** Runs our command line, shows what it printed and the messages it exchanged. */
async function krb5(servers, args, input = '', expected = 0) {
  rmSync(trace, { force: true });
  indent(`$ krb5 ${args.join(' ')}`);
  const env = { ...process.env, KRB5_CONFIG: servers.krb5Conf, KRB5CCNAME: ccache, KRB5_TRACE: trace };
  const child = spawn(process.execPath, [KRB5, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  child.stdin.on('error', () => {}); // a command that needs no password ends before it reads one
  child.stdin.end(input);
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (output.trim() !== '') indent(output.trimEnd());
  diagram(tracedMessages());
  if (status !== expected) throw new Error(`krb5 ${args[0]} ended with ${status}, expected ${expected}`);
}

/** Token out, 200 and the server's proof back. */
async function negotiate({ url, server, krb5Conf }) {
  process.env.KRB5_CONFIG = krb5Conf;
  const client = await fromCcache({ ccache });
  const context = await client.securityContext(SERVICE);
  const { token } = context.step();
  const response = await fetch(url, {
    headers: { authorization: `Negotiate ${Buffer.from(token).toString('base64')}` },
  });
  const body = (await response.text()).trim();
  const reply = response.headers.get('www-authenticate')?.replace(/^Negotiate /, '') ?? '';
  context.step(Buffer.from(reply, 'base64'));
  diagram([
    { from: 'client', to: server, text: `GET, Negotiate NegTokenInit { AP-REQ } (${token.length} octets)` },
    { from: server, to: 'client', text: `${response.status}, Negotiate NegTokenResp { AP-REP }` },
  ]);
  indent(`${server} answered ${response.status}; it says: ${body}`);
  if (response.status !== 200 || !context.mutuallyAuthenticated)
    throw new Error(`${server} did not let us in`);
  indent('mutual authentication verified');
}

/** Messages in the trace file. */
function tracedMessages() {
  let text = '';
  try {
    text = readFileSync(trace, 'utf8');
  } catch {
    return []; // nothing was sent
  }
  const lines = text.matchAll(/(Sending|Received) (\S+) \((\d+) octets\) (?:to|from) (\w+) /g);
  return [...lines].map(([, verb, message, octets, protocol]) => {
    const [from, to] = verb === 'Sending' ? ['client', 'KDC'] : ['KDC', 'client'];
    return { from, to, text: `${message} (${octets} octets, ${protocol})` };
  });
}

/** Arrows between the client (left) and a server (right). */
function diagram(messages) {
  if (messages.length === 0) return;
  const server = [messages[0].from, messages[0].to].find((name) => name !== 'client');
  const width = Math.max(...messages.map(({ text }) => text.length)) + 4;
  indent(`client${' '.repeat(width + 2)}${server}`);
  for (const { from, text } of messages) {
    const line = ` ${text} `.padEnd(width, '-');
    indent(from === 'client' ? `  |--${line}->|` : `  |<-${line}--|`);
  }
}

function say(text) {
  console.log(`\n${text}`);
}

function indent(text) {
  for (const line of text.split('\n')) console.log(`   ${line}`);
}

/** The demo from beginning to end. */
async function run() {
  const servers = process.argv.includes('--real') ? await realServers(indent) : await embeddedServers();
  try {
    await show(servers);
    console.log(
      `\nDone: a password became a token that ${servers.server} accepted, and the server proved itself.`,
    );
  } finally {
    await servers.stop();
  }
}

try {
  if (process.argv.includes('--serve')) await serve(process.argv.slice(2));
  else await run();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
