/**
 * The same command lines for MIT's programs and ours, on copies of the same files: statuses and output must be the same,
 * and so must be what is in the files afterwards. docs/cli.md tells of every option where they are not.
 */
import { describe, expect, it } from 'vitest';
import { type Case, inBothWorlds } from './parityWorlds.js';
import { realm } from './program.js';

const pw = (user: string): string => `${realm.users[user]}\n`;
const alice = ['kinit', '-k', '-t', '{}/users.keytab', '-c', 'FILE:{}/cc', 'alice'];
const DIR = { KRB5CCNAME: 'DIR:{}/dir' };
const list = ['klist', '-ef'];
const collection = [
  ['kinit', '-k', '-t', '{}/users.keytab', '-c', 'DIR::{}/dir/tkt1', 'alice'],
  ['kinit', '-k', '-t', '{}/users.keytab', '-c', 'DIR::{}/dir/tkt2', 'bob'],
  ['kswitch', '-c', 'DIR::{}/dir/tkt1'],
];

const CASES: readonly Case[] = [
  // kinit
  { title: 'password', argv: ['kinit', 'alice'], input: pw('alice'), after: [list, ['klist', '-C']] },
  { title: 'verbose', argv: ['kinit', '-V', 'alice'], input: pw('alice') },
  {
    title: 'verbose, named cache',
    argv: ['kinit', '-V', '-c', 'FILE:{}/other', 'alice'],
    input: pw('alice'),
  },
  { title: 'cached principal', given: [alice], argv: ['kinit', '-V'], input: pw('alice'), after: [list] },
  {
    title: 'long options',
    argv: ['kinit', '--forwardable', '--proxiable', 'alice'],
    input: pw('alice'),
    after: [list],
  },
  {
    title: 'long negations',
    argv: ['kinit', '--noforwardable', '--noproxiable', 'alice'],
    input: pw('alice'),
    after: [list],
  },
  { title: 'lifetimes', argv: ['kinit', '-l', '1h', '-r', '2d', 'alice'], input: pw('alice'), after: [list] },
  { title: 'postdated', argv: ['kinit', '-s', '1h', 'alice'], input: pw('alice'), after: [list] },
  {
    title: 'postdated, renewable',
    argv: ['kinit', '-s', '1h', '-r', '2d', '-l', '2h', 'alice'],
    input: pw('alice'),
    after: [list],
  },
  ...[
    ...['20300203040506', '3002030405', '3-feb-2030:04:05:06', '03-February-2030:4:05', '3-Feb-2030:4:5:6'],
    ...['29-Feb-2032:00:00', ' 20300203040506'],
  ].map((start) => ({
    title: `postdated, ${start}`,
    argv: ['kinit', '-s', start, '-l', '1h', 'alice'],
    input: pw('alice'),
    after: [list],
    tickets: 'start' as const,
  })),
  ...['2026-11-23', '20261323000000', '23-Foo-2026:10:00', '0', '', 'x'].map((start) => ({
    title: `bad start time "${start}"`,
    argv: ['kinit', '-s', start, 'alice'],
    errors: 'usage' as const,
  })),
  ...['-l', '-r'].map((option) => ({
    title: `no absolute times for ${option}`,
    argv: ['kinit', option, '20300203040506', 'alice'],
    errors: 'usage' as const,
  })),
  ...[[], ['--request-pac'], ['--no-request-pac']].map((options) => ({
    title: `PAC ${options.join(' ')}`,
    argv: ['kinit', ...options, 'alice'],
    input: pw('alice'),
    after: [['kvno', 'host/localhost'], list],
    tickets: 'size' as const,
  })),
  { title: 'a PAC and none', argv: ['kinit', '--request-pac', '--no-request-pac', 'alice'], errors: 'none' },
  { title: 'bad start time', argv: ['kinit', '-s', 'whenever', 'alice'], errors: 'usage' },
  {
    title: 'validate too early',
    given: [['kinit', '-k', '-t', '{}/users.keytab', '-s', '1h', 'alice']],
    argv: ['kinit', '-v'],
    errors: 'first',
  },
  { title: 'validate a valid ticket', given: [alice], argv: ['kinit', '-v'], errors: 'first' },
  {
    title: 'validate in time',
    given: [
      ['kinit', '-k', '-t', '{}/users.keytab', '-s', '2s', '-l', '1h', 'alice'],
      ['sleep', '4'],
    ],
    argv: ['kinit', '-v'],
    after: [list],
  },
  {
    title: 'renew',
    given: [['kinit', '-k', '-t', '{}/users.keytab', '-r', '2d', 'alice']],
    argv: ['kinit', '-R', '-V'],
    after: [list],
  },
  {
    title: 'renew a service ticket',
    given: [
      ['kinit', '-k', '-t', '{}/users.keytab', '-r', '2d', 'alice'],
      ['kvno', 'host/localhost'],
    ],
    argv: ['kinit', '-R', '-S', 'host/localhost'],
    after: [list],
  },
  {
    title: 'renew a ticket that is not there',
    given: [alice],
    argv: ['kinit', '-R', '-S', 'host/localhost'],
    errors: 'first',
  },
  { title: 'renew, not renewable', given: [alice], argv: ['kinit', '-R'], errors: 'first' },
  { title: 'renew without a cache', argv: ['kinit', '-R', 'alice'], errors: 'none' },
  {
    title: 'keytab',
    argv: ['kinit', '-V', '-k', '-t', '{}/users.keytab', 'alice'],
    after: [list, ['klist', '-C']],
  },
  {
    title: 'client keytab',
    argv: ['kinit', '-V', '-k', '-i'],
    env: { KRB5_CLIENT_KTNAME: '{}/users.keytab' },
    after: [list],
  },
  {
    title: 'client keytab, forced',
    argv: ['kinit', '-i', 'bob'],
    env: { KRB5_CLIENT_KTNAME: '{}/users.keytab' },
    after: [list],
  },
  { title: 'both keytabs', argv: ['kinit', '-i', '-t', '{}/users.keytab'], errors: 'usage' },
  {
    title: 'service',
    argv: ['kinit', '-S', 'kadmin/changepw', 'alice'],
    input: pw('alice'),
    after: [list, ['klist', '-C']],
  },
  { title: 'no addresses', argv: ['kinit', '-A', 'alice'], input: pw('alice'), after: [['klist', '-an']] },
  { title: 'addresses', argv: ['kinit', '-a', 'alice'], input: pw('alice'), after: [['klist', '-an']] },
  { title: 'addresses and none', argv: ['kinit', '-a', '-A', 'alice'], errors: 'usage' },
  { title: 'canonicalize', argv: ['kinit', '-C', 'alice'], input: pw('alice'), after: [list] },
  { title: 'enterprise', argv: ['kinit', '-E', 'alice@example.test'], input: pw('alice'), errors: 'none' },
  {
    title: 'input cache',
    given: [alice],
    argv: ['kinit', '-V', '-I', 'FILE:{}/cc', '-c', 'FILE:{}/new', 'alice'],
    input: pw('alice'),
  },
  {
    title: 'no preauthentication',
    argv: ['kinit', 'u-nopreauth'],
    input: pw('u-nopreauth'),
    after: [['klist', '-C']],
  },
  {
    title: 'wrong password',
    given: [alice],
    argv: ['kinit', 'alice'],
    input: 'wrong\n',
    errors: 'first',
    after: [list],
  },
  {
    title: 'collection: first',
    argv: ['kinit', '-V', 'alice'],
    input: pw('alice'),
    env: DIR,
    after: [['klist', '-l']],
  },
  {
    title: 'collection: own cache',
    given: collection,
    argv: ['kinit', '-V', 'bob'],
    input: pw('bob'),
    env: DIR,
    after: [['klist', '-l']],
  },
  {
    title: 'collection: cached principal',
    given: collection,
    argv: ['kinit', '-V'],
    input: pw('alice'),
    env: DIR,
    after: [['klist', '-l']],
  },
  { title: 'unknown type of cache', argv: ['kinit', '-c', 'FOO:x', 'alice'], errors: 'first' },
  {
    title: 'unknown type by default',
    argv: ['kinit', 'alice'],
    env: { KRB5CCNAME: 'FOO:x' },
    errors: 'first',
  },
  {
    title: 'folder of the cache is missing',
    argv: ['kinit', '-k', '-t', '{}/users.keytab', '-c', '{}/none/cc', 'alice'],
    errors: 'first',
  },
  { title: 'folder is missing', argv: ['kinit', '-c', 'DIR::{}/none/none/tkt', 'alice'], errors: 'first' },
  {
    title: 'client keytab is missing',
    argv: ['kinit', '-k', '-i'],
    env: { KRB5_CLIENT_KTNAME: '{}/none' },
    errors: 'first',
  },
  ...['kinit', 'klist', 'kdestroy'].map((program) => ({
    title: 'for Kerberos 5',
    given: [alice],
    argv: [program, '-5', ...(program === 'kinit' ? ['-kt', '{}/users.keytab', 'alice'] : [])],
  })),
  // klist
  ...[1, 2, 4, 15, 16, 20, 26, 60, 300, 900].map((size) => ({
    title: `cache of ${size} octets`,
    given: [alice, ['truncate', '-s', `${size}`, '{}/cc']],
    argv: ['klist'],
    errors: 'first' as const,
  })),
  {
    title: 'damaged -A',
    given: [['cp', '/dev/null', '{}/cc']],
    argv: ['klist', '-A'],
    errors: 'first',
  },
  { title: 'folder is missing', argv: ['klist', 'DIR::{}/none/none/tkt'], errors: 'first' },
  ...[
    [],
    ['-e'],
    ['-f'],
    ['-a', '-n'],
    ['-d'],
    ['-C'],
    ['-efdC'],
    ['-l'],
    ['-A'],
    ['-s'],
    ['-A', '-s'],
    ['-c'],
  ].map((options) => ({
    title: `cache ${options.join(' ')}`,
    given: [alice, ['kvno', 'host/localhost', 'test/aes128-sha256']],
    argv: ['klist', ...options],
  })),
  ...[[], ['-l'], ['-A'], ['-s'], ['-A', '-s'], ['-l', '-s'], ['-l', '-A'], ['-c', '-k'], ['-i']].map(
    (options) => ({
      title: `nothing there ${options.join(' ')}`,
      argv: ['klist', ...options],
      errors: 'none' as const,
    }),
  ),
  ...[[], ['-l'], ['-A'], ['-Aef'], ['-s'], ['-A', '-s']].map((options) => ({
    title: `collection ${options.join(' ')}`,
    given: collection,
    argv: ['klist', ...options],
    env: DIR,
  })),
  ...[['-l'], ['-s'], ['-A', '-s']].map((options) => ({
    title: `expired ${options.join(' ')}`,
    given: [alice],
    argv: ['klist', ...options],
    faketime: '+30h',
  })),
  ...[['-k'], ['-ke'], ['-kt'], ['-ket']].map((options) => ({
    title: `keytab ${options.join(' ')}`,
    argv: ['klist', ...options, '{}/users.keytab'],
  })),
  {
    title: 'client keytab',
    argv: ['klist', '-k', '-i', '-e'],
    env: { KRB5_CLIENT_KTNAME: '{}/users.keytab' },
  },
  // kvno
  { title: 'services', given: [alice], argv: ['kvno', 'host/localhost', 'HTTP/localhost'], after: [list] },
  { title: 'host', given: [alice], argv: ['kvno', '-S', 'host', 'localhost'], after: [list] },
  { title: 'unknown type', given: [alice], argv: ['kvno', '-u', 'host/localhost'], after: [list] },
  { title: 'canonical', given: [alice], argv: ['kvno', '-C', 'host/localhost'], after: [list] },
  {
    title: 'session key',
    given: [alice],
    argv: ['kvno', '-e', 'aes128-cts', 'host/localhost'],
    after: [list],
  },
  { title: 'quiet', given: [alice], argv: ['kvno', '-q', 'host/localhost'] },
  {
    title: 'cached only: not there',
    given: [alice],
    argv: ['kvno', '--cached-only', 'host/localhost'],
    errors: 'none',
    after: [list],
  },
  {
    title: 'cached only: there',
    given: [alice, ['kvno', 'host/localhost']],
    argv: ['kvno', '--cached-only', 'host/localhost'],
  },
  { title: 'no store', given: [alice], argv: ['kvno', '--no-store', 'host/localhost'], after: [list] },
  {
    title: 'out cache',
    given: [alice],
    argv: ['kvno', '--out-cache', 'FILE:{}/out', 'host/localhost', 'HTTP/localhost'],
    after: [list, ['klist', '-ef', 'FILE:{}/out']],
  },
  {
    title: 'out cache, failure',
    given: [alice],
    argv: ['kvno', '--out-cache', 'FILE:{}/out', 'host/localhost', 'nosuch/x'],
    errors: 'first',
    after: [['klist', 'FILE:{}/out']],
  },
  {
    title: 'user to user',
    given: [alice, ['kinit', '-k', '-t', '{}/users.keytab', '-c', 'FILE:{}/peer', 'bob']],
    argv: ['kvno', '--u2u', 'FILE:{}/peer', 'bob'],
    after: [list],
  },
  {
    title: 'user to user, no peer',
    given: [alice],
    argv: ['kvno', '--u2u', 'FILE:{}/peer', 'bob'],
    errors: 'none',
  },
  ...['{}/users.keytab/x', '{}/none/x'].map((peer) => ({
    title: `user to user, no peer in ${peer.slice(3)}`,
    given: [alice],
    argv: ['kvno', '--u2u', `FILE:${peer}`, 'bob'],
    errors: 'first' as const,
  })),
  { title: 'keytab', given: [alice], argv: ['kvno', '-k', realm.keytabs.services, 'host/localhost'] },
  { title: '-S and -u', argv: ['kvno', '-S', 'host', '-u', 'localhost'], errors: 'none' },
  { title: 'unknown type of cache', argv: ['kvno', '-c', 'FOO:x', 'host/localhost'], errors: 'first' },
  {
    title: 'out cache, folder is missing',
    given: [alice],
    argv: ['kvno', '-q', '--out-cache', '{}/none/cc', 'host/localhost'],
    errors: 'first',
  },
  // kdestroy
  {
    title: 'all, damaged',
    given: [['cp', '/dev/null', '{}/cc']],
    argv: ['kdestroy', '-A'],
    after: [['ls', '{}']],
  },
  ...['DIR:', 'DIR::'].map((type) => ({
    title: `folder around the folder is a file, ${type}`,
    argv: ['klist', `${type}{}/users.keytab/x${type === 'DIR:' ? '' : '/tkt'}`],
    errors: 'first' as const,
  })),
  { title: 'folder is a file, DIR', argv: ['kdestroy', '-A', '-c', 'DIR:{}/users.keytab'] },
  ...[['kdestroy', '-A'], ['kdestroy'], ['klist'], ['klist', '-A'], ['kvno', 'bob']].map((argv) => ({
    title: `folder is a file: ${argv.join(' ')}`,
    argv,
    env: { KRB5CCNAME: 'FILE:{}/users.keytab/x' },
    errors: 'first' as const,
  })),
  {
    title: 'folder is a file',
    argv: ['kinit', '-k', '-t', '{}/users.keytab', '-c', 'FILE:{}/users.keytab/x', 'alice'],
    errors: 'first',
  },
  { title: 'folder is missing', argv: ['kdestroy', '-c', 'DIR::{}/none/none/tkt'], errors: 'first' },
  { title: 'cache', given: [alice], argv: ['kdestroy'], after: [['klist']] },
  { title: 'nothing', argv: ['kdestroy'] },
  { title: 'all of nothing', argv: ['kdestroy', '-A'] },
  { title: 'all', given: [alice], argv: ['kdestroy', '-A'], after: [['klist']] },
  { title: 'collection: primary', given: collection, argv: ['kdestroy'], env: DIR, after: [['klist', '-l']] },
  {
    title: 'collection: quiet',
    given: collection,
    argv: ['kdestroy', '-q'],
    env: DIR,
    after: [['klist', '-l']],
  },
  {
    title: 'collection: all',
    given: collection,
    argv: ['kdestroy', '-A'],
    env: DIR,
    after: [['klist', '-l']],
  },
  {
    title: 'collection: by principal',
    given: collection,
    argv: ['kdestroy', '-p', 'bob'],
    env: DIR,
    after: [['klist', '-l']],
  },
  {
    title: 'collection: unknown principal',
    given: collection,
    argv: ['kdestroy', '-p', 'carol'],
    env: DIR,
    errors: 'none',
    after: [['klist', '-l']],
  },
  { title: '-A and -p', argv: ['kdestroy', '-A', '-p', 'bob'], errors: 'none' },
  // kswitch
  {
    title: 'by cache',
    given: collection,
    argv: ['kswitch', '-c', 'DIR::{}/dir/tkt2'],
    env: DIR,
    after: [['klist', '-l']],
  },
  {
    title: 'by principal',
    given: collection,
    argv: ['kswitch', '-p', 'bob'],
    env: DIR,
    after: [['klist', '-l']],
  },
  {
    title: 'unknown principal',
    given: collection,
    argv: ['kswitch', '-p', 'carol'],
    env: DIR,
    errors: 'none',
    after: [['klist', '-l']],
  },
  { title: 'by principal, no collection', given: [alice], argv: ['kswitch', '-p', 'alice'], errors: 'none' },
  { title: 'by cache, no collection', given: [alice], argv: ['kswitch', '-c', 'FILE:{}/cc'] },
  { title: 'unknown type of cache', argv: ['kswitch', '-c', 'FOO:x'], errors: 'first' },
  { title: 'folder is missing', argv: ['kswitch', '-c', 'DIR:{}/none/none'], errors: 'first' },
  { title: 'neither', argv: ['kswitch'], errors: 'none' },
  { title: 'both', argv: ['kswitch', '-c', 'DIR::{}/dir/tkt2', '-p', 'bob'], errors: 'none' },
  { title: 'unknown option', argv: ['kswitch', '-Z'], errors: 'none' },
];

describe.each(['kinit', 'klist', 'kvno', 'kdestroy', 'kswitch'])('%s', (program) => {
  const cases = CASES.filter(({ argv }) => argv[0] === program);

  it.each(cases)('$title', async (test) => {
    const { mit, ours } = await inBothWorlds(test);
    expect(ours).toEqual(mit);
  });
});

it.each([
  ['FILE:{}/dir/tktdir', 'FILE:{}/dir/tktdir'],
  ['DIR:{}/dir', 'DIR::{}/dir/tktdir'],
])(
  'kdestroy -A of %s tells of the folder that stays as MIT does, but by its status too',
  async (name, stays) => {
    const { mit, ours } = await inBothWorlds({
      title: 'a folder for a cache',
      given: [['mkdir', '-p', '{}/dir/tktdir']],
      argv: ['kdestroy', '-A'],
      env: { KRB5CCNAME: name },
      errors: 'first',
      after: [['ls', '{}/dir']],
    });
    const stderr = expect.stringMatching(new RegExp(`^kdestroy: .* while destroying cache ${stays}$`));
    expect(mit).toMatchObject({ status: 0, stderr });
    expect(ours).toEqual({ ...(mit as object), status: 1 });
  },
);
