import { describe, expect, it } from 'vitest';
import { asAppError } from './errors.js';
import type { NetworkDeclaration } from './network.js';
import { loadNetworks, NETWORKS_FOLDER } from './network-plugins.js';
import { readFixtures } from './testing/cases.js';
import { type NetworkCase, playCase } from './testing/network.js';

const networks = await loadNetworks();

const outcome = async (network: NetworkDeclaration, one: NetworkCase) => {
  try {
    return await playCase(network, one);
  } catch (error) {
    return { reply: { error: { code: asAppError(error).code } }, kept: one.memory };
  }
};

describe.each(readFixtures<NetworkCase>(NETWORKS_FOLDER))('network $id', ({ id, cases, file }) => {
  const network = networks.get(id);

  it(`has a fixture: shared/src/networks/${file}`, () => {
    expect(cases, `add shared/src/networks/${file} with at least one good, one empty and one broken case`).not.toBeNull();
    expect(network?.id).toBe(id);
  });

  it.each(cases ?? [])('$name', async (one) => {
    if (!network) throw new Error(`${id} did not load`);
    const { reply, kept } = await outcome(network, one);
    expect(reply).toEqual(one.expect);
    if (one.keeps !== undefined) expect(kept).toEqual(one.keeps);
  });
});
