/** The version of this package. */
import { readFileSync } from 'node:fs';

/** From the package's own package.json, which is two folders up from here, built or not. */
export function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
