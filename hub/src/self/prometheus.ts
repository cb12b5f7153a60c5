/** Prometheus text format 0.0.4. */
export type PrometheusType = 'gauge' | 'counter';
export interface Family {
  name: string;
  help: string;
  type: PrometheusType;
  samples: { labels?: Readonly<Record<string, string>> | undefined; value: number }[];
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeValue = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

export const headOf = ({ name, help, type }: Omit<Family, 'samples'>): string =>
  `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;

/** A label name as Prometheus allows it; a name that is taken gets a number, so that no two are the same. */
const labelName = (name: string, taken: ReadonlySet<string>): string => {
  const plain = name.replaceAll(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)|^__+/, '_');
  let free = plain;
  for (let n = 2; taken.has(free); n++) free = `${plain}_${n}`;
  return free;
};

export const sampleLine = (name: string, labels: Readonly<Record<string, string>>, value: number): string => {
  const taken = new Set<string>();
  const pairs = Object.entries(labels).map(([label, text]) => {
    const free = labelName(label, taken);
    taken.add(free);
    return `${free}="${escapeValue(text)}"`;
  });
  return `${name}${pairs.length ? `{${pairs.join(',')}}` : ''} ${value}\n`;
};

export const textOf = (family: Family): string =>
  headOf(family) + family.samples.map(({ labels, value }) => sampleLine(family.name, labels ?? {}, value)).join('');
