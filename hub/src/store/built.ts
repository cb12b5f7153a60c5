/** Where the build of a sibling file lies: workers run from the build, since Node 20 strips no types. */
export const builtUrl = (of: string, file: string): URL => {
  const at = of.lastIndexOf('/src/');
  const folder = at < 0 ? of : `${of.slice(0, at)}/dist/${of.slice(at + '/src/'.length)}`;
  return new URL(file, folder);
};
