/** The commands, loaded when they are needed. */
import type { Command } from './command.js';

interface CommandEntry {
  readonly summary: string;
  load(): Promise<Command>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  kinit: { summary: 'log in: get and store a ticket-granting ticket', load: () => import('./kinit.js') },
  klist: { summary: 'list the tickets of a cache or the keys of a keytab', load: () => import('./klist.js') },
  kvno: { summary: 'get service tickets and tell their key versions', load: () => import('./kvno.js') },
  kdestroy: { summary: 'destroy a credential cache', load: () => import('./kdestroy.js') },
  kswitch: { summary: 'make a cache the primary one of its collection', load: () => import('./kswitch.js') },
  keytab: { summary: 'list, add to, merge or remove from keytabs', load: () => import('./keytab.js') },
  exec: {
    summary: 'run a command with a login of its own, renewed while it runs',
    load: () => import('./exec.js'),
  },
  config: { summary: 'check krb5.conf, or show what it comes to', load: () => import('./config.js') },
  token: { summary: 'print the initial token for a service', load: () => import('./token.js') },
};

/** The command called `name`, if there is one. */
export function findCommand(name: string): CommandEntry | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
}
