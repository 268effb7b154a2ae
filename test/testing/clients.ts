/** What the tests of the embedded realm share. */
import { drive } from '../../src/client/drive.js';
import { networkConnection } from '../../src/client/kdcConnection.js';
import { policyOf } from '../../src/client/policy.js';
import { systemEnvironment } from '../../src/client/system.js';
import { type TgsRequest, tgsExchange } from '../../src/exchange/tgs.js';
import type { Credential } from '../../src/index.js';
import type { TestRealm } from '../../src/testing/index.js';

/** The `code` of the error that comes of it. */
export async function codeOf(outcome: Promise<unknown>): Promise<string> {
  return outcome.then(
    () => 'no error',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
}

/** The same for a call. */
export function codeThrown(action: () => unknown): string {
  try {
    action();
    return 'no error';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

/** One TGS exchange with options of its own. */
export function exchangeTgt(
  { config }: Pick<TestRealm, 'config'>,
  request: Omit<TgsRequest, 'etypes'> & { etypes?: readonly number[] },
): Promise<Credential> {
  const exchange = tgsExchange(
    { etypes: [18, 17, 20, 19], ...request },
    systemEnvironment(),
    policyOf(config),
  );
  const connection = networkConnection({ config });
  return drive(exchange, {
    kdc: (question) => connection(question),
    key: () => Promise.reject(new Error('a TGS exchange asks for no key')),
  });
}
