import { describe, expect, it } from 'vitest';
import { parseConfig, parseServiceName } from '../../src/index.js';

const CONFIG = parseConfig(
  '[libdefaults]\ndefault_realm = EXAMPLE.TEST\n[domain_realm]\n.other.test = OTHER.TEST\nlocalhost = EXAMPLE.TEST\n',
);

describe('parseServiceName', () => {
  it.each([
    ['HTTP@WWW.Other.Test', ['HTTP', 'www.other.test'], 'OTHER.TEST'],
    ['HTTP@localhost', ['HTTP', 'localhost'], 'EXAMPLE.TEST'],
    ['HTTP@unknown.test.', ['HTTP', 'unknown.test'], ''],
    ['HTTP/www.other.test', ['HTTP', 'www.other.test'], 'OTHER.TEST'],
    ['HTTP/unknown.test', ['HTTP', 'unknown.test'], ''],
    ['HTTP/www.other.test@ELSEWHERE.TEST', ['HTTP', 'www.other.test'], 'ELSEWHERE.TEST'],
    ['krbtgt/OTHER.TEST@EXAMPLE.TEST', ['krbtgt', 'OTHER.TEST'], 'EXAMPLE.TEST'],
    ['HTTP/a\\/b@R', ['HTTP', 'a/b'], 'R'],
  ])('reads %s', (text, components, realm) => {
    expect(parseServiceName(text, CONFIG)).toMatchObject({ components, realm });
  });

  it.each(['', 'HTTP', 'a/b/c', '@', 'HTTP@', '@host', 'HTTP@@host'])('refuses "%s"', (text) => {
    expect(() => parseServiceName(text, CONFIG)).toThrowError(
      expect.objectContaining({ code: 'ERR_PRINCIPAL_NAME' }),
    );
  });
});
