/** What every engine must pass; a new one calls `describeEngine` in its test and needs nothing else. */
import { afterEach, beforeEach, describe } from 'vitest';
import { durabilityCases } from './conformance/durability.js';
import { forgetCases } from './conformance/forget.js';
import { identityCases } from './conformance/identity.js';
import { entryCases, logCases } from './conformance/ledger-and-logs.js';
import { propertyCases } from './conformance/properties.js';
import { counterCases, gaugeCases, multiSeriesCases } from './conformance/series.js';
import type { Bench, EngineUnderTest } from './conformance/subject.js';
import { fleetCases } from './conformance/top.js';
import type { Engine } from './store.js';

export type { EngineUnderTest } from './conformance/subject.js';

export const describeEngine = (name: string, create: () => Promise<EngineUnderTest>): void => {
  describe(`${name} engine`, () => {
    let subject: EngineUnderTest;
    let engine: Engine;
    beforeEach(async () => {
      subject = await create();
      engine = settling(subject, subject.engine);
      await engine.open();
    });
    afterEach(async () => {
      await engine.close();
      await subject.cleanup();
    });
    const bench: Bench = {
      engine: () => engine,
      async reopen() {
        await engine.close();
        engine = settling(subject, await subject.reopen());
        return engine.open();
      },
    };
    describe('gauges', () => gaugeCases(bench));
    describe('counters', () => counterCases(bench));
    describe('several series', () => multiSeriesCases(bench));
    describe('identity', () => identityCases(bench));
    describe('fleet', () => fleetCases(bench));
    describe('logs', () => logCases(bench));
    describe('entries', () => entryCases(bench));
    describe('forget', () => forgetCases(bench));
    describe('durability', () => durabilityCases(bench));
    describe('properties', () => propertyCases(bench));
  });
};

const settling = ({ settle }: EngineUnderTest, engine: Engine): Engine => ({
  ...engine,
  async commit(changes) {
    await engine.commit(changes);
    await settle?.(engine);
  },
});
