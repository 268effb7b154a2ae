/** The built program `krb5` in the environment of MIT's programs. */
import { fileURLToPath } from 'node:url';
import type { AttachedRealm, MitClient, RunResult } from '../../scripts/realServers/index.mjs';
import { servers } from './servers.js';

export const MAIN: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export type ProgramOptions = NonNullable<Parameters<MitClient['run']>[2]>;

/** The realm that all tests of the program share. */
export const realm: AttachedRealm = servers().realm;

/** Runs `krb5`. */
export function krb5(args: string[], options: ProgramOptions = {}): Promise<RunResult> {
  return realm.run(process.execPath, [MAIN, ...args], options);
}
