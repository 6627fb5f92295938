import type { SearchDetailJson, SearchJson } from '../../api/prompt/search-view';
import type { PromptScore } from '../../../domain/prompt/search/outcome';
import type { Paint } from '../terminal';
import { table } from '../terminal';

type SearchOutcomeJson = NonNullable<SearchJson['outcome']>;

type SearchProgressJson = NonNullable<SearchDetailJson['progress']>;

export function progressLine({
  stage,
  round,
  rounds,
  variants,
  cases,
  known,
  pieces,
  best,
}: SearchProgressJson): string {
  const standing = best === null ? '' : `; best ${best.quality.toFixed(3)} on ${best.cases} cases`;
  const step =
    stage === 'confirm'
      ? `the winner and the first prompt on ${cases} held-out cases`
      : `round ${round} of ${rounds}: ${variants} variants on ${cases} cases`;
  return `${step}, piece ${Math.min(pieces.done + 1, Math.max(1, pieces.of))} of ${Math.max(1, pieces.of)}; ${known} variants so far${standing}`;
}

/** The front, and what the winner keeps of what the search promised. */
export function outcomeText(
  { prompt, quality, variants: most }: Pick<SearchJson, 'prompt' | 'quality' | 'variants'>,
  outcome: SearchOutcomeJson,
  paint: Paint,
): string {
  const {
    winner,
    first,
    searched,
    confirmed,
    improved,
    front,
    variants,
    fewer,
    tied,
    questions,
    paid,
  } = outcome;
  const rows = front.map(({ id, origin, quality: reached, costUsd, latencyMs, cases }) => [
    id === winner.digest ? paint.bold('winner') : '',
    origin,
    reached.toFixed(3),
    `${cases}`,
    costUsd === null ? 'unknown' : `$${costUsd.toFixed(6)}`,
    `${Math.round(latencyMs)} ms`,
    id.slice(7, 19),
  ]);
  const gain = `${signed(confirmed.gain.mean)} (${signed(confirmed.gain.lower)} to ${signed(confirmed.gain.upper)})`;
  const kept =
    confirmed.optimism === null
      ? ''
      : `; ${signed(-confirmed.optimism)} compared with the search cases`;
  return [
    table(['', 'BY', quality.toUpperCase(), 'CASES', 'PER CASE', 'MEDIAN', 'DIGEST'], rows),
    '',
    table(
      ['HELD-OUT CASES', quality.toUpperCase(), '95 % CI'],
      [
        [`first prompt, ${prompt}@${first.version}`, ...meanCells(confirmed.first)],
        [`winner, ${prompt}@${winner.version}`, ...meanCells(confirmed.winner)],
        ['winner, in the search', searched.quality.toFixed(3), `on ${searched.cases} search cases`],
      ],
    ),
    '',
    `gain ${improved ? paint.green(gain) : paint.yellow(gain)} on ${confirmed.gain.cases} held-out cases${kept}`,
    verdictText(outcome, paint),
    tied === 0 ? '' : tieText(tied, quality),
    variants < most ? `${variants} of at most ${most} variants were tried` : '',
    ...fewer.map((reason) => `  ${reason}`),
    paint.dim(
      `${variants} variants, ${questions} questions, ${paid.answers} paid answers ($${paid.costUsd.toFixed(4)}), ${paid.unsettled} possibly paid twice`,
    ),
  ]
    .filter((line, index, all) => line !== '' || all[index - 1] !== '')
    .join('\n');
}

function verdictText(
  { improved, confirmed, winner, first }: SearchOutcomeJson,
  paint: Paint,
): string {
  if (improved) return '';
  if (winner.digest === first.digest)
    return paint.yellow('no better prompt found: the first prompt scored best');
  if (confirmed.gain.mean === 0)
    return paint.yellow('a tie: both prompts score the same on the held-out cases');
  return paint.yellow('not shown to be better: try more cases or other proposers');
}

function tieText(tied: number, quality: string): string {
  const others = tied === 1 ? '1 other variant' : `${tied} other variants`;
  return `tie in the search: ${others} reached the winner's ${quality} on the same cases; the winner is cheaper or faster, or first by digest`;
}

function meanCells({ mean, lower, upper, failures }: PromptScore): readonly string[] {
  const failed = failures === 0 ? '' : `, ${failures} without an answer`;
  return [
    mean === null ? 'not measured' : mean.toFixed(3),
    `${lower.toFixed(3)} to ${upper.toFixed(3)}${failed}`,
  ];
}

function signed(value: number | null): string {
  if (value === null) return 'not measured';
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
}
