/**
 * Simulates how many questions with right answers a rollout of a language application needs, and
 * how often it is wrong. Only in a simulation is the true difference known.
 */
import { rateIn } from '../../test/support/rollout/monte-carlo';
import { watchAnswers } from '../../test/support/rollout/simulated-answers';
import { createRandom } from '../../test/support/rollout/simulated-traffic';
import { median, report, rounded } from '../figures';

/**
 * With `test.alpha: 0.03` and one guardrail: the error probability of each statement about quality.
 */
const alpha = 0.03 / 4;
const maxPairs = 5_000;
const percent = (share: number) => `${rounded(100 * share)} %`;

interface AnswerTrialRow {
  readonly differing: number;
  readonly worse: number;
  readonly margin: number;
}

const rows: readonly AnswerTrialRow[] = [0.05, 0.2, 0.4].flatMap((differing) =>
  [0.05, 0.1].flatMap((margin) =>
    [0, -0.04, margin + 0.05].map((worse) => ({ differing, worse, margin })),
  ),
);

function needed({ differing, worse, margin }: AnswerTrialRow, worlds: number): string | null {
  if (Math.abs(worse) > differing) return null;
  const ends = Array.from({ length: worlds }, (_, world) =>
    watchAnswers({ differing, worse, margin, questions: maxPairs, alpha }, createRandom(world, 71)),
  );
  const at = ends.map(
    ({ shownAt, refutedAt }) => (worse < margin ? shownAt : refutedAt) ?? Infinity,
  );
  const middle = median(at);
  return middle === Infinity ? `more than ${maxPairs}` : String(middle);
}

const worlds = Number(process.argv[2] ?? 100);
const atMargin = [0.15, 0.3, 0.6].map((differing) => {
  const ends = Array.from({ length: worlds }, (_, world) =>
    watchAnswers(
      { differing, worse: 0.1, margin: 0.1, questions: 2_000, alpha },
      createRandom(world, 72),
    ),
  );
  const wrong = (which: 'shownAt' | 'refutedAt') =>
    rateIn(worlds, (world) => ends[world]?.[which] !== null);
  return { differing, shown: wrong('shownAt'), refuted: wrong('refutedAt') };
});
const table = rows
  .map((row) => ({ ...row, questions: needed(row, worlds) }))
  .filter(({ questions }) => questions !== null);

report(
  'answers judged by right ones',
  [
    ...atMargin.map(({ differing, shown, refuted }): [string, string] => [
      `at the margin, the versions differ on ${percent(differing)}: wrong at ${percent(alpha)}`,
      `shown ${percent(shown.rate)} (${percent(shown.lower)} … ${percent(shown.upper)}), refuted ${percent(refuted.rate)} (${percent(refuted.lower)} … ${percent(refuted.upper)})`,
    ]),
    ...table.map(({ differing, worse, margin, questions }): [string, string] => [
      `differ on ${percent(differing)}, worse by ${percent(worse)}, margin ${margin}: median questions`,
      questions ?? '',
    ]),
  ],
  { alpha, worlds, atMargin, table },
);
