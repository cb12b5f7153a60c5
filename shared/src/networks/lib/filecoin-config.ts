import * as v from 'valibot';
import { secret, url } from '../../schema.js';

/** Settings of the Filecoin source. Every address has the usual one as default; only those in `ask` are asked. */
const minerId = () =>
  v.pipe(
    v.string(),
    v.regex(/^[ft]0\d{1,18}$/, 'must be the id of a miner such as f01234 (f0 and digits, no f1, f2 or f3 address)'),
  );

export const filecoinConfig = v.pipe(
  v.object({
    /** The miner of this device. */
    miner: v.optional(minerId()),
    /** On the hub: which miner belongs to which device; without one it is shared out as an account. */
    miners: v.optional(v.pipe(v.array(v.object({ miner: minerId(), device: v.optional(v.string()) })), v.maxLength(100)), []),
    ask: v.optional(
      v.pipe(v.array(v.picklist(['node', 'miner_node', 'curio', 'filfox'])), v.minLength(1)),
      () => ['node', 'filfox'] as ('node' | 'filfox')[],
    ),
    /** A full node (`/rpc/v1`, `/rpc/v0`) or a gateway. */
    node: v.optional(url(), 'http://127.0.0.1:1234/rpc/v1'),
    /** Permission `read` is enough; a full node gives that without a token, too. */
    node_token: v.optional(secret()),
    miner_node: v.optional(url(), 'http://127.0.0.1:2345/rpc/v0'),
    miner_node_token: v.optional(secret()),
    curio: v.optional(v.pipe(v.array(url()), v.maxLength(50)), () => ['http://127.0.0.1:12300/debug/metrics']),
    filfox: v.optional(url(), 'https://filfox.info/api/v1'),
    /** `exact` computes the tipsets of own blocks, `light` uses the formula (gateways), `off` leaves rewards out. */
    rewards: v.optional(v.picklist(['exact', 'light', 'off']), 'exact'),
    /** Reads what is burnt as a deadline closes: up to 48 computed tipsets a day and miner. */
    fees: v.optional(v.boolean(), true),
    /** How far back the first walk begins; a node keeps states of about 3,600 epochs. */
    history_epochs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(20_000)), 0),
    /** Books Filfox's total as one entry on the day on which the miner was made. */
    seed: v.optional(v.boolean(), false),
    /** Several calls in one request; off for gateways that refuse it. */
    batch: v.optional(v.boolean(), true),
  }),
  v.check(
    (c) => c.miner !== undefined || c.miners.length > 0 || c.ask.every((one) => one === 'curio' || one === 'miner_node'),
    'needs "miner" (on a device) or "miners" (on the hub), such as f01234',
  ),
  v.check((c) => !c.seed || (c.ask.includes('node') && c.ask.includes('filfox')), '"seed" needs "node" and "filfox" in "ask"'),
);
export type FilecoinConfig = v.InferOutput<typeof filecoinConfig>;
