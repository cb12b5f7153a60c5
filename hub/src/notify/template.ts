/** Wording of a notice by its operator: placeholders and conditions, nothing that runs. Pure. */
import { AppError } from '@muster/shared/errors';
import { NOTIFY_LIMITS as L } from './limits.js';

/** Every placeholder with what stands there; `docs/notifiers.md` lists the same. */
export const PLACEHOLDERS = {
  title: 'the usual title',
  text: 'the usual text',
  severity: 'critical, warning or info',
  state: 'firing, still firing, not acknowledged or resolved',
  what: 'title of the alert, such as "Device offline"; of several the titles',
  why: 'the sentence of the alert; of several one line each',
  device: 'id of the device; of several the ids',
  device_name: 'name of the device; of several the names, of a site that is away its name',
  count: 'how many alerts it tells of',
  place: 'site or address, where several share a notice',
  at_stake: 'what an hour costs, such as "0.50 USD an hour"; empty when unknown',
  time: 'when it fired or was resolved, in UTC',
  event: 'number of the newest event',
  link: 'opens the alert; empty without a public address',
  several: '"yes" when it tells of more than one alert, else empty',
  resolved: '"yes" when it is over, else empty',
  repeated: '"yes" for a repetition, else empty',
  escalated: '"yes" when nobody acknowledged it in time, else empty',
} as const;

type Placeholder = keyof typeof PLACEHOLDERS;
export type TemplateValues = Record<Placeholder, string>;

type Part = { kind: 'words'; text: string } | { kind: 'value'; name: Placeholder } | Condition;
interface Condition {
  kind: 'if';
  name: Placeholder;
  yes: Part[];
  no: Part[];
}
export type Template = readonly Part[];

const TAG = /\{\{([^{}]*)\}\}/g;
const DEEPEST = 5;

/** Throws `bad_request` with a sentence that says what may stand there. */
export const parseTemplate = (text: string, path: string): Template => {
  const refuse = (why: string): never => {
    throw new AppError('bad_request', `The template ${why}`, { path });
  };
  const root: Part[] = [];
  const open: { condition: Condition; into: Part[] }[] = [];
  let into = root;
  let at = 0;
  const words = (until: number) => {
    const piece = text.slice(at, until);
    if (/\{\{|\}\}/.test(piece)) refuse('has "{{" or "}}" without its other half');
    if (piece !== '') into.push({ kind: 'words', text: piece });
  };
  for (const { 0: tag, 1: inner = '', index } of text.matchAll(TAG)) {
    words(index);
    at = index + tag.length;
    const [verb = '', name] = inner.trim().split(/\s+/);
    if (verb === '#if') {
      if (open.length >= DEEPEST) refuse(`has more than ${DEEPEST} conditions within each other`);
      const condition: Condition = { kind: 'if', name: known(name ?? '', refuse), yes: [], no: [] };
      into.push(condition);
      open.push({ condition, into });
      into = condition.yes;
    } else if (verb === 'else')
      into = otherwiseOf(open.at(-1)?.condition, into) ?? refuse('has an {{else}} without its {{#if …}}');
    else if (verb === '/if') into = open.pop()?.into ?? refuse('has a {{/if}} without its {{#if …}}');
    else into.push({ kind: 'value', name: known(inner.trim(), refuse) });
  }
  words(text.length);
  if (open.length > 0) refuse('has an {{#if …}} without its {{/if}}');
  return root;
};

const otherwiseOf = (condition: Condition | undefined, into: Part[]): Part[] | null =>
  condition && into === condition.yes ? condition.no : null;

const known = (name: string, refuse: (why: string) => never): Placeholder =>
  Object.hasOwn(PLACEHOLDERS, name)
    ? (name as Placeholder)
    : refuse(`names {{${name.slice(0, 40)}}}, which is not known; known are ${Object.keys(PLACEHOLDERS).join(', ')}`);

/** Values stand as they are: what they hold is never read as a template. */
export const renderTemplate = (template: Template, values: TemplateValues): string => {
  let made = '';
  const write = (parts: Template): void => {
    for (const part of parts) {
      if (made.length >= L.rendered) return;
      if (part.kind === 'words') made += part.text;
      else if (part.kind === 'value') made += values[part.name];
      else write(values[part.name] === '' ? part.no : part.yes);
    }
  };
  write(template);
  return made.slice(0, L.rendered).trim();
};

export interface Templates {
  title: Template | null;
  text: Template | null;
}
export interface TemplateTexts {
  title: string | null;
  text: string | null;
}

export const NO_TEMPLATES: TemplateTexts = { title: null, text: null };

export const parseTemplates = ({ title, text }: TemplateTexts): Templates => ({
  title: title === null ? null : parseTemplate(title, 'templates.title'),
  text: text === null ? null : parseTemplate(text, 'templates.text'),
});

/** What comes out empty is worded as usual: services refuse an empty message. */
export const worded = ({ title, text }: Templates, values: TemplateValues): { title: string; text: string } => ({
  title: (title && renderTemplate(title, values)) || values.title,
  text: (text && renderTemplate(text, values)) || values.text,
});
