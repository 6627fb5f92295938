import type { SearchDetailJson, SearchJson } from '../../api/prompt/search-view';
import type { PromptScore } from '../../../domain/prompt-search/outcome';
import { figure, interval, formatSigned } from '../../../domain/format';
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
  const bestText = best === null ? '' : `; best ${figure(best.quality)} on ${best.cases} cases`;
  const step =
    stage === 'confirm'
      ? `the winner and the first prompt on ${cases} held-out cases`
      : `round ${round} of ${rounds}: ${variants} variants on ${cases} cases`;
  return `${step}, piece ${Math.min(pieces.done + 1, Math.max(1, pieces.of))} of ${Math.max(1, pieces.of)}; ${known} variants so far${bestText}`;
}

/** The Pareto front, and the gain of the winner that held-out cases confirm. */
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
    figure(reached),
    `${cases}`,
    costUsd === null ? 'unknown' : `$${costUsd.toFixed(6)}`,
    `${Math.round(latencyMs)} ms`,
    id.slice(7, 19),
  ]);
  const gain = `${gainText(confirmed.gain.mean)} (${interval(confirmed.gain, gainText)})`;
  const kept =
    confirmed.optimism === null
      ? ''
      : `; ${gainText(-confirmed.optimism)} compared with the search cases`;
  return [
    table(['', 'BY', quality.toUpperCase(), 'CASES', 'PER CASE', 'MEDIAN', 'DIGEST'], rows),
    '',
    table(
      ['HELD-OUT CASES', quality.toUpperCase(), '95 % CI'],
      [
        [`first prompt, ${prompt}@${first.version}`, ...meanCells(confirmed.first)],
        [`winner, ${prompt}@${winner.version}`, ...meanCells(confirmed.winner)],
        ['winner, in the search', figure(searched.quality), `on ${searched.cases} search cases`],
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
    mean === null ? 'not measured' : figure(mean),
    `${interval({ lower, upper }, figure)}${failed}`,
  ];
}

function gainText(value: number | null): string {
  return value === null ? 'not measured' : formatSigned(value);
}
