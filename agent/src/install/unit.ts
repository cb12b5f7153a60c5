import { AppError } from '@muster/shared/errors';
import { AGENT_FLAGS } from '../flags.js';

/** The systemd unit of an agent: docs/decisions/0007 says why each limit is there, and which is left out. */
export interface UnitFacts {
  node: string;
  /** dist/main.js of the installed agent. */
  program: string;
  data: string;
  user: string;
  /** Of those that this machine has. */
  groups: readonly string[];
}

/** `--lite-mode` writes no machine code, so even memory that is written and then run can be refused. */
export const unitText = ({ node, program, data, user, groups }: UnitFacts): string => `[Unit]
Description=Muster agent: reports this machine to its hub
After=network.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${[node, ...AGENT_FLAGS, program, 'run'].map(word).join(' ')}
Environment=MUSTER_DATA=${word(data)}
User=${user}
Group=${user}
${groups.length ? `SupplementaryGroups=${groups.join(' ')}\n` : ''}Restart=always
RestartSec=5
TimeoutStopSec=15
WatchdogSec=${WATCHDOG_S}
WatchdogSignal=SIGKILL
NotifyAccess=all
MemoryMax=192M
TasksMax=64
LimitCORE=0
UMask=0077
ReadWritePaths=${word(data)}/agent
${HARDENING.join('\n')}

[Install]
WantedBy=multi-user.target
`;

/** The agent speaks up three times in this. */
const WATCHDOG_S = 600;

const HARDENING = [
  'NoNewPrivileges=yes',
  'CapabilityBoundingSet=',
  'AmbientCapabilities=',
  'ProtectSystem=strict',
  // Not hidden: a separate /home is a file system whose space an operator wants to see.
  'ProtectHome=read-only',
  'PrivateTmp=yes',
  'PrivateMounts=yes',
  'DevicePolicy=closed',
  ...['char-drm', 'char-nvidia*', '/dev/kfd', '/dev/vcio', '/dev/vchiq'].map((device) => `DeviceAllow=${device} rw`),
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'ProtectControlGroups=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'LockPersonality=yes',
  'MemoryDenyWriteExecute=yes',
  'KeyringMode=private',
  'RemoveIPC=yes',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
  'SystemCallFilter=~@privileged @resources',
  'SystemCallErrorNumber=EPERM',
];

/** systemd reads quotes, % and $ in its own way: such paths are refused rather than guessed at. */
const word = (text: string): string => {
  if (/^[\w./+:@=-]+$/.test(text)) return text;
  throw new AppError('bad_request', `"${text}" cannot stand in a service file; choose a path of letters, digits and . _ + - @`);
};
