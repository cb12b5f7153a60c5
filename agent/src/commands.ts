import { asAppError } from '@muster/shared/errors';
import type { Log } from '@muster/shared/log';
import { command as commandSchema, type Result } from '@muster/shared/wire/messages';
import * as v from 'valibot';

/** What the hub may ask of this device: `time` always, the rest only where the settings name it. */
export interface CommandsNeeds {
  allowed: readonly string[];
  /** What this agent can do, by name; the answer is the detail of the result. */
  able: Readonly<Record<string, () => Promise<string>>>;
  /** The hub's time, in ms. */
  hear(now: number): void;
  answer(result: Result): void;
  log: Log;
}

const time = v.object({ now: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) });

/** Takes the payload of the command topic; anything that is no command is left alone. */
export const createCommands = (needs: CommandsNeeds): ((payload: Uint8Array) => void) => {
  const carryOut = async (name: string): Promise<{ ok: boolean; detail: string }> => {
    const { able, allowed } = needs;
    if (!allowed.includes(name)) {
      return {
        ok: false,
        detail: `"${name}" is not allowed on this device; its settings (agent.commands) allow ${listed(allowed)}`,
      };
    }
    const act = Object.hasOwn(able, name) ? able[name] : undefined;
    if (!act) return { ok: false, detail: `This agent does not know "${name}"; it knows ${listed(Object.keys(able))}` };
    try {
      return { ok: true, detail: await act() };
    } catch (error) {
      return { ok: false, detail: asAppError(error).message };
    }
  };
  return (payload) => {
    const message = v.safeParse(commandSchema, asJson(payload));
    if (!message.success) return;
    const { id, command, args } = message.output;
    if (command === 'time') {
      const said = v.safeParse(time, args);
      if (said.success) needs.hear(said.output.now);
      return;
    }
    needs.log.info('The hub sent a command', { command, id });
    void carryOut(command).then((outcome) => needs.answer({ id, ...outcome }));
  };
};

const listed = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'none');

const asJson = (payload: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    return undefined;
  }
};
