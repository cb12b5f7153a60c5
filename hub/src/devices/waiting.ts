/** Devices that births named but credentials do not hold: shown as waiting for approval. */
import { DEVICE_LIMITS } from './limits.js';

export interface Waiting {
  /** What a birth of this boot and session named; a new session forgets what the old one named. */
  named(agent: string, connection: string, devices: readonly string[]): void;
  all(): { agent: string; device: string }[];
  forget(agent: string): void;
}

export const createWaiting = (): Waiting => {
  const agents = new Map<string, { connection: string; devices: Set<string> }>();
  return {
    named(agent, connection, devices) {
      const old = agents.get(agent);
      const kept = old?.connection === connection ? [...old.devices] : [];
      const next = new Set([...kept, ...devices].slice(0, DEVICE_LIMITS.waiting));
      if (next.size) agents.set(agent, { connection, devices: next });
      else agents.delete(agent);
    },
    all: () => [...agents].flatMap(([agent, { devices }]) => [...devices].map((device) => ({ agent, device }))),
    forget: (agent) => void agents.delete(agent),
  };
};
