/** The version of this package. */
import { readFileSync } from 'node:fs';
import { type Io, writeJson, writeLine } from './io.js';

/** From the package's own package.json, which is two folders up from here, built or not. */
function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}

/** Tells it. */
export function writeVersion(json: boolean, io: Io): void {
  const [name, version] = ['krb5-client', packageVersion()];
  if (json) writeJson(io.stdout, { name, version });
  else writeLine(io.stdout, `${name} ${version}`);
}
