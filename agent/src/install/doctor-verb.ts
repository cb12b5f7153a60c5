import type { AgentPaths } from '../config.js';
import { examine, type Finding } from './doctor.js';
import { createPatient } from './patient.js';

/** Prints every finding; false when one of them is a failure. */
export const doctorVerb = async (
  paths: AgentPaths,
  { json, login, print }: { json: boolean; login: boolean; print(line: string): void },
): Promise<boolean> => {
  const findings = await examine(createPatient(paths, { login }));
  if (json) print(JSON.stringify(findings));
  else for (const finding of findings) print(lineOf(finding));
  return findings.every(({ state }) => state !== 'fail');
};

const lineOf = ({ state, check, what, todo }: Finding): string => {
  const first = `${state.padEnd(4)}  ${check.padEnd(8)}  ${what}`;
  return todo === undefined ? first : `${first}\n${' '.repeat(16)}→ ${todo}`;
};
