import { watched, buildWorld } from '../../../support/rollout/simulated-ab';

jest.setTimeout(300_000);

const worlds = 40;
const ends = (scores: readonly number[], from: number) =>
  Array.from({ length: worlds }, (_, world) => watched(buildWorld(scores, from + world, 300), 21));

describe('an A/B rollout over many worlds', () => {
  test('rarely promotes challengers that are worse by more than the margin', () => {
    // A score of 0.484 costs 0.0325 more than 0.5, and the margin is 0.03.
    const promoted = ends([0.5, 0.484, 0.484, 0.484], 0).filter(
      ({ verdict }) => verdict.kind === 'promote',
    );
    expect(promoted.length).toBeLessThanOrEqual(4);
  });

  test('rarely stops challengers that are as good, and finds no mismatch in planned shares', () => {
    const alike = ends([0.5, 0.5, 0.5, 0.5], 1_000);
    const stopped = alike.filter((end) => end.stopped.length > 0 || end.verdict.kind === 'harm');
    expect(stopped.length).toBeLessThanOrEqual(3);
    const mismatched = alike.filter(({ verdict }) =>
      verdict.reasons.some(({ code }) => code === 'shares.mismatch'),
    );
    expect(mismatched).toHaveLength(0);
  });
});
