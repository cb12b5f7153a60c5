import { AppError } from '@muster/shared/errors';
import * as v from 'valibot';
import type { Installer } from '../installer.js';
import { defineRoute } from '../route.js';

/** Open, without a secret; over the network only by HTTPS, like everything: a changed script would run as root. */
export const createInstalling = (installer: Installer | null) =>
  [
    defineRoute({
      method: 'GET',
      path: '/install.sh',
      role: 'open',
      summary: 'A script that brings the agent to a machine with nothing but Node',
      content_type: 'text/x-shellscript; charset=utf-8',
      reply: v.string(),
      errors: ['not_found', 'needs_https'],
      handle: async () => packed(installer).script,
    }),
    defineRoute({
      method: 'GET',
      path: '/install/muster-agent.tgz',
      role: 'open',
      summary: 'The agent with all that it needs, as a package of npm',
      content_type: 'application/gzip',
      reply: v.instance(Buffer),
      errors: ['not_found', 'needs_https'],
      handle: async () => packed(installer).agent,
    }),
  ] as const;

const packed = (installer: Installer | null): Installer => {
  if (installer) return installer;
  throw new AppError('not_found', 'The agent is not packed with this hub', {
    hint: 'Run "npm run build" in the folder of Muster, then start the hub again',
  });
};
