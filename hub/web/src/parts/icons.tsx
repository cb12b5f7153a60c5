import type { AlertState, Severity } from '@muster/shared/wire/live';
import { STANDING_WORDS, type Standing } from '../fleet.js';

/** Marks tell states apart by shape first; colour only repeats it. */
const STANDING_SHAPES: Record<Standing, preact.JSX.Element> = {
  online: <circle cx="7" cy="7" r="4" />,
  firing: <path d="M7 1.2 13 12.4H1z" />,
  pending: <path d="M7 2.2 12.2 12H1.8z" class="open" />,
  lost: <path d="M3 1.6 7 5.6l4-4L12.4 3l-4 4 4 4L11 12.4l-4-4-4 4L1.6 11l4-4-4-4z" />,
  quiet: <path d="M7 2.5a4.5 4.5 0 0 0 0 9z" class="half" />,
  stopped: <rect x="3" y="3" width="8" height="8" class="open" />,
  reconnecting: <path d="M7 2.5a4.5 4.5 0 1 1-4.5 4.5" class="open" />,
  unknown: <path d="M7 1.5 12.5 7 7 12.5 1.5 7z" class="open" />,
  never_seen: <circle cx="7" cy="7" r="4.2" class="dotted" />,
};

export const StandingMark = ({ standing }: { standing: Standing }) => (
  <svg class={`mark s-${standing}`} viewBox="0 0 14 14" aria-hidden="true">
    {standing === 'quiet' && <circle cx="7" cy="7" r="4.5" class="open" />}
    {STANDING_SHAPES[standing]}
  </svg>
);

export const StandingWord = ({ standing }: { standing: Standing }) => (
  <span class={`standing s-${standing}`}>
    <StandingMark standing={standing} />
    {STANDING_WORDS[standing]}
  </span>
);

const SEVERITY_SHAPES: Record<Severity, preact.JSX.Element> = {
  critical: <path d="M7 .6 13.4 7 7 13.4.6 7z" />,
  warning: <path d="M7 1.2 13 12.4H1z" />,
  info: <circle cx="7" cy="7" r="4.8" class="open" />,
};
const SEVERITY_WORDS: Record<Severity, string> = { critical: 'Critical', warning: 'Warning', info: 'Info' };

export const SeverityWord = ({ severity, state }: { severity: Severity; state: AlertState }) => (
  <span class={`severity v-${state === 'resolved' ? 'resolved' : severity}`}>
    <svg class="mark" viewBox="0 0 14 14" aria-hidden="true">
      {SEVERITY_SHAPES[severity]}
    </svg>
    {SEVERITY_WORDS[severity]}
  </span>
);

const LINES = {
  sun: 'M8 4.8a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4M8 .8v1.7M8 13.5v1.7M.8 8h1.7M13.5 8h1.7M2.9 2.9l1.2 1.2M11.9 11.9l1.2 1.2M2.9 13.1l1.2-1.2M11.9 4.1l1.2-1.2',
  out: 'M6 2.5H2.5v11H6M10 4.8 13.2 8 10 11.2M13.2 8H6',
  add: 'M8 2.5v11M2.5 8h11',
  outage: 'M8 2.2 14.4 13H1.6zM8 6.4v3M8 11.2v.1',
  close: 'm3.5 3.5 9 9M12.5 3.5l-9 9',
  back: 'M10 3 5 8l5 5',
  bell: 'M4.2 11.2V7a3.8 3.8 0 0 1 7.6 0v4.2M2.8 11.2h10.4M6.6 13.4a1.5 1.5 0 0 0 2.8 0M8 1.6v1.6',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.4 10.4l3.4 3.4',
} as const;

export const Icon = ({ name }: { name: keyof typeof LINES }) => (
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
    <path d={LINES[name]} />
  </svg>
);

export const BrandMark = () => (
  <svg viewBox="0 0 32 32" aria-hidden="true">
    <path d="M4 6h6v6H4zM13 6h6v6h-6zM22 6h6v6h-6zM4 15h6v6H4zM13 15h6v6h-6zM22 15h6v6h-6zM4 24h6v2H4zM13 24h6v2h-6z" />
  </svg>
);
