import { rateIn } from '../../../support/rollout/monte-carlo';
import { watchAnswers } from '../../../support/rollout/simulated-answers';
import { createRandom } from '../../../support/rollout/simulated-traffic';

// bench/evaluation/answer-statistics.ts has the same with more worlds; docs/rollouts.md its table.
const worlds = 200;
const alpha = 0.05;

describe('right and wrong answers (simulated, evaluated after every question, alpha 5 %)', () => {
  test.each([0.1, 0.3, 0.6])(
    'a challenger at the margin is decided within alpha, if the versions differ on %d',
    (differing) => {
      const ends = Array.from({ length: worlds }, (_, world) =>
        watchAnswers(
          { differing, worse: 0.1, margin: 0.1, questions: 540, alpha },
          createRandom(world, 71),
        ),
      );
      for (const which of ['shownAt', 'refutedAt'] as const) {
        expect(rateIn(worlds, (world) => ends[world]?.[which] !== null).lower).toBeLessThanOrEqual(
          alpha,
        );
      }
    },
  );

  test('equal and much worse challengers are decided within a few hundred questions', () => {
    const measureRate = (worse: number, which: 'shownAt' | 'refutedAt') =>
      rateIn(
        50,
        (world) =>
          watchAnswers(
            { differing: 0.3, worse, margin: 0.1, questions: 540, alpha },
            createRandom(world, 72),
          )[which] !== null,
      ).rate;
    expect(measureRate(0, 'shownAt')).toBeGreaterThan(0.6);
    expect(measureRate(0.3, 'refutedAt')).toBeGreaterThan(0.9);
  });
});
