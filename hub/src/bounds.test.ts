import { expect, it } from 'vitest';
import { BUS_LIMITS } from './bus/limits.js';
import { COMMITTER_DEFAULTS } from './store/committer.js';

it('the bus stops reading well before the store refuses what was read', () => {
  expect(BUS_LIMITS.held_bytes_total).toBeLessThanOrEqual(0.8 * COMMITTER_DEFAULTS.refuse_bytes);
});
