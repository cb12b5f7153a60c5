/** What `rndr_log.txt` of the rendering client tells: `YYYY-MM-DD HH:MM:SS LEVEL: [thread] message`, local time without a zone. Pure. */
export interface RenderLog {
  frames_ok: number;
  frames_failed: number;
  frames_canceled: number;
  render_seconds: number;
  median_seconds: number | null;
  usable_gpus: number | null;
  /** Frames that failed since the last one that went well. */
  failing_streak: number;
  /** Local time of the last line, as if it were UTC. */
  last_local: number | null;
  ends_in_error: boolean;
}

const LINE = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d) (\w+): (?:\[\d+\] )?(.*)$/;
const DONE = /job completed successfully \(render time (\d+(?:\.\d+)?) seconds\)/;
const GPUS = /^(\d+) usable gpus? detected/;

export const readRenderLog = (text: string): RenderLog => {
  const log: RenderLog = {
    ...{ frames_ok: 0, frames_failed: 0, frames_canceled: 0, render_seconds: 0, median_seconds: null },
    ...{ usable_gpus: null, failing_streak: 0, last_local: null, ends_in_error: false },
  };
  const times: number[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, year, month, day, hour, minute, second, level, message = ''] = LINE.exec(line) ?? [];
    if (level === undefined) continue;
    log.last_local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
    log.ends_in_error = level === 'ERROR';
    note(log, message, times);
  }
  times.sort((a, b) => a - b);
  log.median_seconds = times[Math.floor(times.length / 2)] ?? null;
  // Sums of hundredths as a double leave dust.
  log.render_seconds = Number(log.render_seconds.toFixed(3));
  return log;
};

const note = (log: RenderLog, message: string, times: number[]): void => {
  const seconds = DONE.exec(message)?.[1];
  const gpus = GPUS.exec(message)?.[1];
  if (gpus !== undefined) log.usable_gpus = Number(gpus);
  if (seconds !== undefined) {
    log.frames_ok++;
    log.render_seconds += Number(seconds);
    log.failing_streak = 0;
    times.push(Number(seconds));
  } else if (message.includes('job failed')) {
    log.frames_failed++;
    log.failing_streak++;
  } else if (message.includes('job was canceled')) log.frames_canceled++;
};
