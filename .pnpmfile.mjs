// Inside the workspace a package is read from its sources; what is published has only the
// built files, so the condition that leads to the sources stays at home.
const sourceCondition = '@devmentor/source';

export const hooks = {
  beforePacking(manifest) {
    const published = Object.entries(manifest.exports ?? {}).map(([path, conditions]) => {
      const { [sourceCondition]: _, ...rest } = conditions;
      return [path, rest];
    });
    return { ...manifest, exports: Object.fromEntries(published) };
  },
};
