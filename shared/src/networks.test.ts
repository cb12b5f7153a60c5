import { describe, expect, it } from 'vitest';
import { asAppError } from './errors.js';
import { silentLog } from './log.js';
import type { NetworkDeclaration, NetworkReply } from './network.js';
import { loadNetworks, NETWORKS_FOLDER } from './network-plugins.js';
import { check } from './schema.js';
import { type FixtureCase, readFixtures } from './testing/cases.js';
import { createRecordedHttp, type RecordedExchange } from './testing/http.js';

interface NetworkCase extends FixtureCase {
  config: unknown;
  http: RecordedExchange[];
  now?: number;
  /** What the device side answers. */
  expect: NetworkReply | { error: { code: string } };
}

const NOW = Date.UTC(2026, 0, 1);
const networks = await loadNetworks();

const answer = async (network: NetworkDeclaration, one: NetworkCase) => {
  const config = check(network.config, one.config, 'the config of the fixture');
  const call = { config, http: createRecordedHttp(one.http), now: one.now ?? NOW, log: silentLog };
  return network.onDevice?.({ ...call, signal: new AbortController().signal });
};

const outcome = async (network: NetworkDeclaration, one: NetworkCase) => {
  try {
    return await answer(network, one);
  } catch (error) {
    return { error: { code: asAppError(error).code } };
  }
};

describe.each(readFixtures<NetworkCase>(NETWORKS_FOLDER))('network $id', ({ id, cases, file }) => {
  const network = networks.get(id);

  it(`has a fixture: shared/src/networks/${file}`, () => {
    expect(cases, `add shared/src/networks/${file} with at least one good, one empty and one broken case`).not.toBeNull();
    expect(network?.id).toBe(id);
  });

  const onDevice = network?.onDevice && cases ? cases : [];
  it.each(onDevice)('$name', async (one) => {
    if (!network) throw new Error(`${id} did not load`);
    expect(await outcome(network, one)).toEqual(one.expect);
  });
});
