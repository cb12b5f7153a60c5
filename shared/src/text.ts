/** Times as people read them in a sentence, in UTC: `2026-11-22 13:22:56 UTC`. */
export const utcTime = (ts: number): string => `${new Date(ts).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** In steps of 1,000, as disks are sold. */
export const decimalBytes = (bytes: number): string => {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1_000 ** power;
  return `${power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[power]}`;
};

/** A spreadsheet runs what begins so as a formula. Our own numbers never go through here. */
const FORMULA = /^[=+\-@\t\r]/;
/** A cell of text: never a formula, quoted where RFC 4180 says so. */
export const textCell = (text: string): string => {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[\x22,\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
