import { it, expect } from 'vitest';
import fc from 'fast-check';
import { declarations } from '../../src/messages/module.js';
import { arbitraryOf, untypedModule } from './arbitraries.js';
const m = untypedModule(declarations);
it('x', () => {
  const T = { gen: 0, enc: 0, dec: 0, eq: 0 };
  let t = performance.now();
  const s = fc.sample(arbitraryOf(declarations, 'KrbError'), 200);
  T.gen = performance.now() - t;
  for (const v of s) {
    t = performance.now(); const der = m.encode('KrbError', v); T.enc += performance.now() - t;
    t = performance.now(); const d = m.decode('KrbError', der); T.dec += performance.now() - t;
    t = performance.now(); expect(d).toEqual(v); const q = performance.now() - t; T.eq += q;
    if (q > 100) console.log(q, der.length, Object.keys(v as object).join());
  }
  console.log(T);
});
