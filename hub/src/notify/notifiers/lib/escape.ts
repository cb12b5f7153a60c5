/** Markup of services made harmless. */
const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** For Telegram and Matrix, in text and in attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => HTML[character] ?? character);

/** Slack decodes these three and no other. */
export const escapeSlack = (text: string): string => text.replace(/[&<>]/g, (character) => HTML[character] ?? character);

/** Marks of Discord's Markdown; lists keep their dashes. */
export const escapeDiscord = (text: string): string => text.replace(/[\\*_~`|<>[\]#@]/g, '\\$&');
