import type { Detectors } from '../../../data/safety/open-detectors';

/** Each finds its own name in a text, without a model. */
export const wordDetectors: Detectors = {
  prepare: () => Promise.resolve(),
  detectFor:
    () =>
    ({ name }, text) =>
      Promise.resolve(
        [...text.matchAll(new RegExp(name, 'g'))].map(({ index }) => ({
          from: index,
          to: index + name.length,
          what: name,
        })),
      ),
};
