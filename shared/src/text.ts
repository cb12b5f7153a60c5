/** Times as people read them in a sentence, in UTC: `2026-11-22 13:22:56 UTC`. */
export const utcTime = (ts: number): string => `${new Date(ts).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
