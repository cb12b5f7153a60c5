/** Structured log lines: a fixed sentence and fields. Log the change, not every repetition. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Record<string, unknown>;

export interface Log {
  debug(sentence: string, fields?: LogFields): void;
  info(sentence: string, fields?: LogFields): void;
  warn(sentence: string, fields?: LogFields): void;
  error(sentence: string, fields?: LogFields): void;
  /** The same log with fields added to every line. */
  with(fields: LogFields): Log;
}

export interface LogSettings {
  /** `json`: one object a line, for machines; `text`: for a person. */
  format: 'json' | 'text';
  level: LogLevel;
  write: (line: string) => void;
  now: () => number;
}

const ORDER: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

const plain = (value: unknown): unknown => (value instanceof Error ? { message: value.message, stack: value.stack } : value);

const asJson = (ts: number, level: LogLevel, sentence: string, fields: LogFields): string =>
  JSON.stringify({ ts, level, msg: sentence, ...fields }, (_key, value) =>
    typeof value === 'bigint' ? `${value}` : plain(value),
  );

const asWord = (value: unknown): string => {
  if (value instanceof Error) return value.message;
  return typeof value === 'string' ? value : JSON.stringify(value);
};

const asText = (ts: number, level: LogLevel, sentence: string, fields: LogFields): string => {
  const mark = level === 'info' ? '' : `${level}: `;
  const tail = Object.entries(fields).map(([key, value]) => ` ${key}=${asWord(value)}`);
  return `${new Date(ts).toISOString().slice(11, 19)} ${mark}${sentence}${tail.join('')}`;
};

export const createLog = (settings: LogSettings, fixed: LogFields = {}): Log => {
  const form = settings.format === 'json' ? asJson : asText;
  const at =
    (level: LogLevel) =>
    (sentence: string, fields: LogFields = {}) => {
      if (ORDER[level] < ORDER[settings.level]) return;
      settings.write(`${form(settings.now(), level, sentence, { ...fixed, ...fields })}\n`);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLog(settings, { ...fixed, ...fields }),
  };
};

/** For tests and for parts that must not speak. */
export const silentLog: Log = createLog({ format: 'text', level: 'error', write: () => {}, now: () => 0 });
