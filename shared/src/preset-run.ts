import { AppError, asAppError } from './errors.js';
import type { Http } from './http.js';
import type { Sample } from './metrics.js';
import type { HubNetworkCall, HubNetworkReply, NetworkCall, NetworkDeclaration, NetworkReply, ReadingDraft } from './network.js';
import { newestSeen } from './networks/lib/newest-seen.js';
import { type PartFailure, partMemory } from './preset-memory.js';

/** A part of a preset with the configuration that the settings give it. */
export interface FilledPart {
  name: string;
  kind: NetworkDeclaration;
  config: unknown;
}

/** The parts that a preset's settings ask for. */
export interface PartsCall {
  network: string;
  parts: readonly FilledPart[];
  /** Whether `part_up` tells of each. */
  has_several: boolean;
}

/** Of the 15 s that a source has: a part that hangs must not cost the others. */
const PART_MS = 12_000;
const REQUEST_MS = 8_000;

export const askOnDevice = async (
  call: NetworkCall<unknown>,
  { network, parts, has_several }: PartsCall,
): Promise<NetworkReply> => {
  const asked = parts.filter(({ kind }) => kind.onDevice);
  const answers = await askAll(call, asked, (part, one) => part.kind.onDevice?.(one));
  return {
    samples: [...answers.flatMap(({ reply }) => reply?.samples ?? []), ...(has_several ? upSamples(answers) : [])],
    readings: answers.flatMap(({ name, reply }) => owned(network, name, reply?.readings)),
    ...newestSeen(answers.map(({ reply }) => reply?.seen_at)),
  };
};

export const askOnHub = async (
  call: HubNetworkCall<unknown>,
  { network, parts, has_several }: PartsCall,
): Promise<HubNetworkReply> => {
  const { devices: names } = call;
  const asked = parts.filter(({ kind }) => kind.onHub);
  const answers = await askAll(call, asked, (part, one) => part.kind.onHub?.({ ...one, devices: names }));
  const devices = new Map<string, NetworkReply>();
  const add = (device: string, { samples = [], readings = [], seen_at }: NetworkReply) => {
    const before = devices.get(device);
    devices.set(device, {
      samples: [...(before?.samples ?? []), ...samples],
      readings: [...(before?.readings ?? []), ...readings],
      ...newestSeen([before?.seen_at, seen_at]),
    });
  };
  for (const { name, reply } of answers)
    for (const [device, one] of reply?.devices ?? []) add(device, { ...one, readings: owned(network, name, one.readings) });
  const [only] = names;
  if (has_several && only !== undefined && names.length === 1) add(only, { samples: upSamples(answers) });
  return { devices, accounts: answers.flatMap(({ name, reply }) => owned(network, name, reply?.accounts)) };
};

interface Answer<R> {
  name: string;
  reply: R | null;
}

const upSamples = (answers: readonly Answer<unknown>[]): Sample[] =>
  answers.map(({ name, reply }) => ({ metric: 'part_up', labels: { part: name }, value: reply === null ? 0 : 1 }));

/** Whatever its kind calls them: readings are of the preset's network, and the part is their source. */
const owned = (network: string, part: string, readings: readonly ReadingDraft[] = []): ReadingDraft[] =>
  readings.map((reading) => ({ ...reading, network, source: `${network}-${part}` }));

type Ask<R> = (part: FilledPart, call: NetworkCall<unknown>) => Promise<R> | undefined;

/** All parts at once, each with its own time and memory. Throws when none answered; else the failures are told by `part_up`. */
const askAll = async <R>(call: NetworkCall<unknown>, parts: readonly FilledPart[], ask: Ask<R>): Promise<Answer<R>[]> => {
  const memory = partMemory(call.memory);
  const http: Http = { request: (request) => call.http.request({ timeout_ms: REQUEST_MS, ...request }) };
  const failures: PartFailure[] = [];
  const answers = await Promise.all(
    parts.map(async (part): Promise<Answer<R>> => {
      const { name, config } = part;
      try {
        const one = { ...call, config, http, memory: memory.of(name) };
        return { name, reply: (await inTime(call.signal, name, (signal) => ask(part, { ...one, signal }))) ?? null };
      } catch (error) {
        failures.push({ name, error: asAppError(error) });
        return { name, reply: null };
      }
    }),
  );
  if (failures[0] && failures.length === parts.length) throw failures[0].error;
  for (const { name, error } of memory.save(failures))
    call.log.warn('A part of a reward source does not answer', { part: name, error: error.message });
  return answers;
};

const inTime = <R>(
  outer: AbortSignal,
  name: string,
  run: (signal: AbortSignal) => Promise<R> | undefined,
): Promise<R | undefined> => {
  const signal = AbortSignal.any([outer, AbortSignal.timeout(PART_MS)]);
  return new Promise((resolve, reject) => {
    const end = () => reject(new AppError('timeout', `Part "${name}" did not answer within ${PART_MS} ms`));
    signal.addEventListener('abort', end, { once: true });
    Promise.resolve(run(signal))
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', end));
  });
};
