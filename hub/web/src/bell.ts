import type { Severity } from '@muster/shared/wire/live';
import { type Signal, signal } from '@preact/signals';
import { type ChimeKind, type ChimeNeeds, createChime, takeClaims } from './chime.js';
import { readStored, writeStored } from './theme.js';

/** The browser's side of sound and notifications: both are off until a person switches them on. */
export interface Bell {
  on: Record<ChimeKind, Signal<boolean>>;
  /** The browser plays nothing until somebody has touched the page. */
  muted: Signal<boolean>;
  /** Switches on or off; answers a sentence when the browser refuses. */
  turn(kind: ChimeKind, on: boolean): Promise<string | null>;
  fired: ReturnType<typeof createChime>['fired'];
}
export type BellNeeds = Pick<ChimeNeeds, 'alert' | 'now'> & { go(path: string): void };

const KEYS: Record<ChimeKind, string> = { sound: 'muster.sound', desktop: 'muster.desktop' };
/** Alerts that begin to fire within this are announced together. */
const TOGETHER_MS = 600;

const readList = (key: string): string[] => {
  try {
    const list: unknown = JSON.parse(readStored(key) ?? '[]');
    return Array.isArray(list) ? list.map(String) : [];
  } catch {
    return [];
  }
};

/** One tab at a time looks and takes: a lock that all tabs share, where the browser has one. */
const claim: ChimeNeeds['claim'] = async (kind, ids) => {
  const key = `${KEYS[kind]}.told`;
  const take = () => {
    const { fresh, known } = takeClaims(readList(key), ids);
    writeStored(key, JSON.stringify(known));
    return fresh;
  };
  return navigator.locks ? navigator.locks.request(key, async () => take()) : take();
};

/** Two short tones; the worse, the higher and the more of them. */
const TONES: Record<Severity, readonly number[]> = { critical: [880, 660, 880, 660], warning: [660, 880], info: [520] };
const TONE_S = 0.16;

const createTone = () => {
  const muted = signal(false);
  let context: AudioContext | null = null;
  const wake = () => {
    context ??= new AudioContext();
    const own = context;
    muted.value = own.state !== 'running';
    own.onstatechange = () => {
      muted.value = own.state !== 'running';
    };
    void own.resume().catch(() => {});
  };
  const tone = (own: AudioContext, pitch: number, at: number) => {
    const [wave, level] = [own.createOscillator(), own.createGain()];
    wave.frequency.value = pitch;
    level.gain.setValueAtTime(0, at);
    level.gain.linearRampToValueAtTime(0.22, at + 0.015);
    level.gain.exponentialRampToValueAtTime(0.001, at + TONE_S);
    wave.connect(level).connect(own.destination);
    wave.start(at);
    wave.stop(at + TONE_S);
  };
  return {
    muted,
    wake,
    plays: () => context?.state === 'running',
    play(severity: Severity) {
      const own = context;
      if (!own) return;
      for (const [i, pitch] of TONES[severity].entries()) tone(own, pitch, own.currentTime + i * TONE_S);
    },
  };
};

const mayNotify = (): boolean => 'Notification' in window && Notification.permission === 'granted';

const notify = (go: (path: string) => void): ChimeNeeds['show'] => {
  return ({ title, body, path, tag }) => {
    try {
      const shown = new Notification(title, { body, tag, icon: '/favicon.svg' });
      shown.onclick = () => {
        window.focus();
        go(path);
        shown.close();
      };
    } catch {
      // Phones allow notifications from a service worker alone; there is one where notices are pushed to this browser.
      void navigator.serviceWorker
        ?.getRegistration()
        .then((worker) => worker?.showNotification(title, { body, tag, icon: '/favicon.svg', data: { page: path } }))
        .catch(() => {});
    }
  };
};

const REFUSED = 'This browser does not allow notifications from this address: allow them in its settings of the site.';

export const createBell = ({ go, ...needs }: BellNeeds): Bell => {
  const on = { sound: signal(readStored(KEYS.sound) === 'on'), desktop: signal(readStored(KEYS.desktop) === 'on') };
  const tone = createTone();
  const ready = (kind: ChimeKind) => on[kind].value && (kind === 'sound' ? tone.plays() : mayNotify());
  const chime = createChime({
    ...needs,
    ...{ ready, claim, play: tone.play, show: notify(go) },
    later: (task) => void setTimeout(() => void task(), TOGETHER_MS),
  });
  const set = (kind: ChimeKind, value: boolean) => {
    on[kind].value = value;
    writeStored(KEYS[kind], value ? 'on' : 'off');
  };
  if (on.sound.value) wakeOnTouch(tone);
  // Another tab may switch it.
  addEventListener('storage', ({ key, newValue }) => {
    for (const kind of ['sound', 'desktop'] as const) if (key === KEYS[kind]) on[kind].value = newValue === 'on';
    if (on.sound.value) wakeOnTouch(tone);
  });
  return {
    on,
    muted: tone.muted,
    fired: chime.fired,
    async turn(kind, value) {
      if (kind === 'desktop' && value && !(await mayAsk())) return REFUSED;
      set(kind, value);
      if (kind === 'sound' && value) {
        tone.wake();
        tone.play('info');
      }
      return null;
    },
  };
};

const mayAsk = async (): Promise<boolean> =>
  'Notification' in window && (Notification.permission === 'granted' || (await Notification.requestPermission()) === 'granted');

/** A page that was loaded with the sound on may play once it is touched. */
const wakeOnTouch = (tone: ReturnType<typeof createTone>): void => {
  tone.wake();
  const touched = () => {
    tone.wake();
    for (const kind of ['pointerdown', 'keydown'] as const) removeEventListener(kind, touched);
  };
  for (const kind of ['pointerdown', 'keydown'] as const) addEventListener(kind, touched);
};
