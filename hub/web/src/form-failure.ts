/** Which field of a form a sentence about a failure is about. Pure. */

const QUOTED = /"([^"]+)"/g;
/** `config/url`, `items[2].config.url`: the last name is the field's. */
const lastName = (path: string): string => path.split(/[./[\]]+/).findLast((part) => part !== '' && !/^\d+$/.test(part)) ?? '';

/** It begins with one of the field's names, or has it in quotes. */
export const isAbout = (text: string, names: readonly string[]): boolean => {
  const said = text.toLowerCase().replace(/^the /, '');
  const quoted = [...said.matchAll(QUOTED)].map(([, path = '']) => path);
  return names
    .map((name) => name.trim().toLowerCase())
    .some(
      (name) =>
        name !== '' &&
        (said.startsWith(`${name} `) ||
          said.startsWith(`${name}:`) ||
          quoted.some((path) => path === name || lastName(path) === name)),
    );
};
