/** Sizes of the functions in a source text, by matching braces outside of strings, templates and comments. */
export interface FunctionSize {
  line: number;
  lines: number;
}

/** What opens a function's body: an arrow, `function …(…)`, or a method `name(…)`; control words open none. */
const OPENS =
  /(=>\s*|\bfunction\b[^{}]*\)\s*(:\s*[^{}=]+)?|^\s*(?:async\s+)?(?:get\s+|set\s+)?(?!if\b|for\b|while\b|switch\b|catch\b|with\b)[\w$]+\s*(?:<[^<>]*>)?\([^;]*\)\s*(?::\s*[^{}=;]+)?)$/;

export const functionSizes = (text: string): FunctionSize[] => {
  const lines = blank(text).split('\n');
  const open: { line: number; counts: boolean }[] = [];
  const sizes: FunctionSize[] = [];
  lines.forEach((line, index) => {
    for (let at = 0; at < line.length; at++) {
      if (line[at] === '{') open.push({ line: index, counts: OPENS.test(headBefore(lines, index, at)) });
      else if (line[at] === '}') {
        const begin = open.pop();
        if (begin?.counts) sizes.push({ line: begin.line + 1, lines: index - begin.line + 1 });
      }
    }
  });
  return sizes;
};

/** The text before a brace, with the lines before it when the line begins with the closing of a parameter list. */
const headBefore = (lines: readonly string[], index: number, at: number): string => {
  const head = (lines[index] ?? '').slice(0, at);
  return /^\s*\)/.test(head) ? `function (${head.trimStart()}` : head;
};

/** Strings, templates, comments and simple regular expressions become spaces; line breaks stay. */
const blank = (text: string): string =>
  text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|(?<=[=(,:]\s*)\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g,
    (match) => match.replace(/[^\n]/g, ' '),
  );
