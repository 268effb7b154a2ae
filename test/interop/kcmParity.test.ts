/** MIT's programs and ours on the caches of a KCM daemon: the same command lines on the same caches. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KcmDaemon, startSssdKcm, unpackHeimdal } from '../../scripts/realServers/index.mjs';
import { type Case, inBothWorlds } from './parityWorlds.js';
import { realm } from './program.js';

const keytab = ['-k', '-t', '{}/users.keytab'];
const pw = (user: string): string => `${realm.users[user]}\n`;
const CLEAN = ['kdestroy', '-A'];
const alice = ['kinit', ...keytab, '-r', '2d', 'alice'];
const bob = ['kinit', ...keytab, 'bob'];
const two = [
  ['kinit', ...keytab, '-c', 'KCM:0:one', 'alice'],
  ['kinit', ...keytab, '-c', 'KCM:0:two', 'bob'],
  ['kswitch', '-c', 'KCM:0:one'],
];
const all = [
  ['klist', '-l'],
  ['klist', '-A', '-ef'],
];

const CASES: readonly Omit<Case, 'env'>[] = [
  { title: 'first login', argv: ['kinit', '-V', 'alice'], input: pw('alice'), after: all },
  { title: 'second login', given: [alice], argv: ['kinit', 'bob'], input: pw('bob'), after: all },
  { title: 'own cache', given: [alice, bob], argv: ['kinit', '-V', ...keytab, 'alice'], after: all },
  // sssd-kcm chooses another default cache when the default one is made anew, also by MIT's kinit.
  {
    title: 'cached principal',
    given: two,
    argv: ['kinit'],
    input: pw('alice'),
    after: [['kswitch', '-p', 'alice'], ...all],
  },
  {
    title: 'named cache',
    given: [alice],
    argv: ['kinit', ...keytab, '-c', 'KCM:0:three', 'bob'],
    after: [['kswitch', '-p', 'alice'], ...all],
  },
  { title: 'notes', argv: ['kinit', 'alice'], input: pw('alice'), after: [['klist', '-C']] },
  { title: 'renewal', given: [alice], argv: ['kinit', '-R'], after: all },
  { title: 'service', given: [alice], argv: ['kvno', 'host/localhost', 'HTTP/localhost'], after: all },
  {
    title: 'cached service',
    given: [alice, ['kvno', 'host/localhost']],
    argv: ['kvno', '--cached-only', 'host/localhost'],
  },
  ...[
    [],
    ['-l'],
    ['-A'],
    ['-Aef'],
    ['-s'],
    ['-A', '-s'],
    ['-C'],
    ['KCM:0:two'],
    ['KCM:0:none'],
    ['-l', 'KCM:0:two'],
  ].map((options) => ({
    title: `list ${options.join(' ')}`,
    given: two,
    argv: ['klist', ...options],
    errors: 'first' as const,
  })),
  ...[[], ['-l'], ['-A'], ['-s']].map((options) => ({
    title: `nothing there ${options.join(' ')}`,
    argv: ['klist', ...options],
    errors: 'none' as const,
  })),
  { title: 'by cache', given: two, argv: ['kswitch', '-c', 'KCM:0:two'], after: all },
  { title: 'by principal', given: two, argv: ['kswitch', '-p', 'bob'], after: all },
  { title: 'unknown principal', given: two, argv: ['kswitch', '-p', 'carol'], errors: 'none', after: all },
  { title: 'primary', given: two, argv: ['kdestroy'], after: [['klist', '-A']] },
  { title: 'by name', given: two, argv: ['kdestroy', '-c', 'KCM:0:two'], after: all },
  { title: 'by principal', given: two, argv: ['kdestroy', '-p', 'bob'], after: all },
  { title: 'unknown principal', given: two, argv: ['kdestroy', '-p', 'carol'], errors: 'none', after: all },
  { title: 'all', given: two, argv: ['kdestroy', '-A'], after: [['klist', '-l']] },
  { title: 'nothing', argv: ['kdestroy'] },
];

describe.each([
  ['sssd-kcm', () => startSssdKcm(realm)],
  ["Heimdal's kcm", async () => (await unpackHeimdal(realm)).startKcm()],
])('%s', (_name, start) => {
  let daemon: KcmDaemon;
  beforeAll(async () => {
    daemon = await start();
  });
  afterAll(() => daemon.stop());

  describe.each(['kinit', 'kvno', 'klist', 'kswitch', 'kdestroy'])('%s', (program) => {
    it.each(CASES.filter(({ argv }) => argv[0] === program))('$title', async (test) => {
      const env = { KRB5_CONFIG: daemon.krb5Conf, KRB5CCNAME: 'KCM:' };
      const { mit, ours } = await inBothWorlds({ ...test, env, given: [CLEAN, ...(test.given ?? [])] });
      expect(ours).toEqual(mit);
    });
  });
});
