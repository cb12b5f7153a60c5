import * as v from 'valibot';

/** What is known of every vehicle and when to ask again, kept over restarts: each question about telemetry costs a credit. Holds no secret. */
const part = {
  /** When it is asked again. */
  due: v.number(),
  /** How the last question went. */
  ok: v.boolean(),
  /** When it last went well. */
  at: v.optional(v.number()),
};
const vehicle = v.object({
  telemetry: v.optional(
    v.object({ ...part, last_seen: v.optional(v.nullable(v.number())), values: v.optional(v.array(v.nullable(v.number()))) }),
  ),
  rewards: v.optional(v.object(part)),
  identity: v.optional(v.object(part)),
  streak: v.optional(v.object({ week: v.number(), streak: v.nullable(v.number()) })),
  /** When a reward was last refused. */
  not_qualified: v.optional(v.number()),
});
const memory = v.object({
  vehicles: v.record(v.string(), vehicle),
  logs: v.optional(
    v.object({
      ...part,
      cursor: v.optional(v.object({ block: v.number(), vehicles: v.array(v.number()), chunk: v.number() })),
    }),
  ),
});

export type DimoMemory = v.InferOutput<typeof memory>;
export type VehicleMemory = v.InferOutput<typeof vehicle>;
export interface PartState {
  due: number;
  ok: boolean;
  at?: number | undefined;
}

/** A copy without vehicles that left the settings; what another version kept is not trusted, and asked for anew. */
export const readMemory = (kept: unknown, token_ids: readonly number[]): DimoMemory => {
  const result = v.safeParse(memory, kept);
  if (!result.success) return { vehicles: {} };
  const known = Object.entries(result.output.vehicles).filter(([id]) => token_ids.includes(Number(id)));
  return { ...result.output, vehicles: Object.fromEntries(known) };
};
