import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** What a machine without Muster fetches: the script, and the agent that it unpacks. Read once: both stay of one build. */
export interface Installer {
  script: string;
  agent: Buffer;
}

export const INSTALLER_FOLDER = new URL('../../installer/', import.meta.url);

/** Null when the agent was not packed with this build. */
export const loadInstaller = async (folder = INSTALLER_FOLDER): Promise<Installer | null> => {
  const read = (name: string) => readFile(fileURLToPath(new URL(name, folder)));
  try {
    const [script, fetching, agent] = await Promise.all([read('install.sh'), read('fetch.mjs'), read('dist/muster-agent.tgz')]);
    const sha256 = createHash('sha256').update(agent).digest('hex');
    const whole = String(script).replace('@SHA256@', sha256);
    return { script: whole.replace('@FETCH@\n', () => String(fetching)), agent };
  } catch {
    return null;
  }
};
