/** Pages of a link in a notice: plain HTML without script or style, read by whoever has the link. Pure. */
import type { NoticeAnswer } from '../parts.js';

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
/** Alerts spelled out; a phone shows no more. */
const MOST = 20;

const page = (title: string, body: string): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>${title} · Muster</title>
</head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`;

const OVER = '<p>What this notice told of is over.</p>';

const listOf = ({ alerts }: NoticeAnswer): string => {
  const lines = alerts.slice(0, MOST).map(({ device_name, title, why, acknowledged_by }) => {
    const by = acknowledged_by === null ? '' : ` (acknowledged by ${escapeHtml(acknowledged_by)})`;
    return `<li><strong>${escapeHtml(device_name)}: ${escapeHtml(title)}</strong>${by}<br>${escapeHtml(why)}</li>`;
  });
  const rest = alerts.length - lines.length;
  return `<ul>\n${lines.join('\n')}\n</ul>${rest > 0 ? `\n<p>and ${rest} more</p>` : ''}`;
};

export const answerPage = {
  ask(answer: NoticeAnswer, token: string): string {
    if (answer.over) return page('Nothing to acknowledge', OVER);
    if (answer.alerts.every(({ acknowledged_by }) => acknowledged_by !== null))
      return page('Acknowledged already', listOf(answer));
    const form = `<form method="post" action="/acknowledge?token=${encodeURIComponent(token)}">
<p><button type="submit">Acknowledge</button></p>
</form>`;
    return page('Acknowledge?', `${listOf(answer)}\n${form}`);
  },
  done: (answer: NoticeAnswer): string =>
    answer.over ? page('Nothing to acknowledge', OVER) : page('Acknowledged', listOf(answer)),
  failed: (why: string): string => page('Not acknowledged', `<p>${escapeHtml(why)}.</p>`),
};
