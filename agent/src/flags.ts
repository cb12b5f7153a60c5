/** How Node is started for an agent: a third of its private memory (measured); the program in `bin` says the same in its first line. */
export const AGENT_FLAGS = ['--no-expose-wasm', '--lite-mode', '--max-semi-space-size=1', '--max-old-space-size=32'] as const;
