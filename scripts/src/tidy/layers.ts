import { type Import, resolveRelative } from './imports.js';

/** Imports point down only (docs/architecture.md); null, or what is wrong with one import. */
const PORTS = new Set([
  'hub/src/parts.ts',
  'hub/src/store/store.ts',
  'hub/src/bus/bus.ts',
  'hub/src/alerts/rule.ts',
  'hub/src/notify/notifier.ts',
  'hub/src/api/route.ts',
  'hub/src/shelf.ts',
  'hub/src/listen-error.ts',
]);
const ROOTS = new Set(['main.ts', 'hub.ts', 'agent.ts', 'config.ts', 'control.ts', 'view.ts']);
const PLUGIN_PORTS: readonly (readonly [folder: string, allowed: RegExp])[] = [
  ['agent/src/probes/', /^agent\/src\/(probe\.ts|probes\/)/],
  ['hub/src/alerts/rules/', /^hub\/src\/alerts\/(rule\.ts|rules\/)/],
  ['hub/src/notify/notifiers/', /^hub\/src\/notify\/(notifier\.ts|notifiers\/)/],
  ['shared/src/networks/', /^shared\/src\//],
];
const WORKSPACES: Record<string, readonly string[]> = {
  shared: [],
  agent: ['shared'],
  hub: ['shared'],
  scripts: ['shared', 'agent', 'hub'],
};

export const layerFault = (path: string, entry: Import): string | null => {
  const workspace = path.split('/')[0] ?? '';
  if (path.startsWith('hub/web/')) return webFault(entry);
  if (!(workspace in WORKSPACES) || !path.includes('/src/')) return null;
  return packageFault(workspace, entry) ?? relativeFault(path, entry);
};

const packageFault = (workspace: string, { from }: Import): string | null => {
  const other = /^@muster\/([a-z]+)/.exec(from)?.[1];
  if (other === undefined || other === workspace)
    return other === workspace ? `${from}: import relatively inside ${workspace}` : null;
  return WORKSPACES[workspace]?.includes(other) ? null : `${workspace} must not import ${from}`;
};

const relativeFault = (path: string, { from }: Import): string | null => {
  const target = resolveRelative(path, from);
  if (target === null) return null;
  if (!target.startsWith(`${path.split('/')[0]}/src/`)) return `${from}: between workspaces import by package name`;
  const plugin = PLUGIN_PORTS.find(([folder]) => path.startsWith(folder));
  if (plugin) return plugin[1].test(target) ? null : `a plugin imports its port and shared only, not ${target}`;
  return path.startsWith('hub/src/') ? partFault(path, target) : null;
};

/** Parts are the folders of hub/src; they meet in PORT files only. */
const partFault = (path: string, target: string): string | null => {
  const part = partOf(path);
  if (part === null || PORTS.has(target) || partOf(target) === part) return null;
  if (partOf(target) === null) return isRoot(target) ? `${part} must not import a composition root` : null;
  return `${part} must not import ${target}: parts meet in PORT files`;
};

const isRoot = (path: string): boolean => ROOTS.has(path.slice('hub/src/'.length)) || path.startsWith('hub/src/verbs/');
const partOf = (path: string): string | null => /^hub\/src\/(?!verbs\/)([a-z]+)\//.exec(path)?.[1] ?? null;

const webFault = ({ from, type_only }: Import): string | null => {
  if (from.startsWith('node:')) return `the dashboard has no ${from}`;
  if (from.startsWith('@muster/hub') && !type_only) return `the dashboard imports only types of the hub, not ${from}`;
  return from.startsWith('@muster/agent') ? `the dashboard must not import ${from}` : null;
};
