import systeminformation from 'systeminformation';

/** Short-lived child: a fixed list of calls; none that reads what a stranger can name (no networks, no interfaces). */
const { cpu, osInfo, system } = systeminformation;

const one = async <T extends object>(call: () => Promise<T>): Promise<Partial<T>> => {
  try {
    return await call();
  } catch {
    return {};
  }
};

const board = await one(system);
const os = await one(osInfo);
const processor = await one(cpu);

const known = (text: string | undefined): string | null =>
  text === undefined || text === '' || /^(unknown|not specified|to be filled|default string)/i.test(text) ? null : text;

const facts = {
  model: known(board.model),
  manufacturer: known(board.manufacturer),
  virtual: board.virtual ?? null,
  os: [known(os.distro), known(os.release)].filter(Boolean).join(' ') || null,
  kernel: known(os.kernel),
  cpu: [known(processor.manufacturer), known(processor.brand)].filter(Boolean).join(' ') || null,
  cpu_cores: processor.cores && processor.cores > 0 ? processor.cores : null,
};
process.stdout.write(JSON.stringify(facts));
