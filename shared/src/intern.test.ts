import { expect, it } from 'vitest';
import { createInterner } from './intern.js';

it('equal keys give the same thing while somebody holds it', () => {
  const interner = createInterner<string[]>();
  const first = interner.intern('a,b', () => ['a', 'b']);
  expect(interner.intern('a,b', () => ['a', 'b'])).toBe(first);
  expect(interner.intern('c', () => ['c'])).not.toBe(first);
  expect(interner.size).toBe(2);
});
