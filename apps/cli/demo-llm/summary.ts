/** The results of `npm run demo:llm`, as tables and as the last JSON line. */
import type { LlmEvidence } from '../../../domain/language/evaluation/evidence';
import { count, figure as roundedFigure, interval, formatSigned } from '../../../domain/format';
import {
  demoRun,
  readRollback,
  roundsTable,
  type DemoRun,
  type DemoSummary,
  type NamedRound,
} from '../demo/summary';
import { table } from '../terminal';
import {
  otherDimensionsText,
  differenceFigure,
  halfWidth,
  measuredText,
  promptFigures,
  retrievalFigures,
  rolloutText,
  routingFigures,
  searchedText,
  type Figure,
} from './report';
import type { RetrievalScore } from './retrieval';
import type { StreamedAnswer } from './streamed';

/** The last line of `npm run demo:llm -- --json`. */
export interface LlmDemoSummary {
  readonly mode: 'full' | 'quick';
  readonly documents: number;
  readonly runs: readonly DemoRun[];
  readonly champion: DemoSummary['champion'];
  /** Rollback of the harmful rollout. */
  readonly rollback: DemoSummary['rollback'];
  readonly figures: readonly Figure[];
  /** Differences on the same questions, and the result of a rollout. */
  readonly differences: readonly string[];
  readonly answer: StreamedAnswer | null;
  readonly seconds: number;
  /** Load average of the machine at the end. If it is high, times are upper bounds. */
  readonly load: number;
}

export function llmSummary({
  quick,
  documents,
  rounds,
  evidences,
  worse,
  answer,
  found,
  champion,
  seconds,
  load,
}: {
  readonly quick: boolean;
  readonly documents: number;
  readonly rounds: readonly NamedRound[];
  readonly evidences: ReadonlyMap<string, LlmEvidence>;
  readonly worse: NamedRound;
  readonly answer: StreamedAnswer | null;
  readonly found: readonly RetrievalScore[];
  readonly champion: LlmDemoSummary['champion'];
  readonly seconds: number;
  readonly load: number;
}): LlmDemoSummary {
  const stages = rounds.flatMap(({ run }) =>
    run.stages.map((stage) => ({ stage, dimension: findQuality(run.lifecycle) })),
  );
  return {
    mode: quick ? 'quick' : 'full',
    documents,
    runs: rounds.map(demoRun),
    champion,
    rollback: readRollback(worse),
    figures: [
      ...stages.flatMap(({ stage, dimension }) =>
        stage.prompts ? promptFigures(stage.prompts, dimension) : [],
      ),
      ...stages.flatMap(({ stage }) => (stage.fineTuning ? routingFigures(stage.fineTuning) : [])),
      ...retrievalFigures(found),
    ],
    differences: rounds.flatMap((round) => describeDifferences(round, evidences.get(round.run.id))),
    answer,
    seconds,
    load,
  };
}

/** The dimension by which the samples choose their prompts. */
function findQuality(lifecycle: string): string {
  return lifecycle === 'wiki-router' ? 'right' : 'answer';
}

function describeDifferences(
  { name, run, rollout }: NamedRound,
  evidence: LlmEvidence | undefined,
): readonly string[] {
  const against = (['champion', 'baseline'] as const).flatMap((who) => {
    const figure = evidence && differenceFigure(evidence, findQuality(run.lifecycle), who);
    if (!figure) return [];
    const { ours, difference, cases } = figure;
    const other = who === 'champion' ? 'the champion' : 'the first prompt with the unchanged model';
    const gain = `${formatSigned(difference.value)} (${interval(difference)})`;
    return [
      `${name}: ${findQuality(run.lifecycle)} ${measuredText(ours)} on ${cases} held-out cases; compared with ${other} ${gain}`,
    ];
  });
  const others = evidence ? otherDimensionsText(evidence, findQuality(run.lifecycle)) : null;
  const searched = run.stages.flatMap(({ prompts }) =>
    prompts ? (searchedText(prompts, findQuality(run.lifecycle)) ?? []) : [],
  );
  const measured = [...searched, ...(others === null ? [] : [others])].map(
    (text) => `${name}: ${text}`,
  );
  const found = [...against, ...measured];
  if (rollout === null) return found;
  const { lower, upper } = rollout.quality;
  const margin =
    lower === null || upper === null
      ? ''
      : `; confidence interval ±${roundedFigure(halfWidth({ lower, upper }))}`;
  return [...found, `${name}, on traffic: ${rolloutText(rollout)}${margin}`];
}

export function reportText(summary: LlmDemoSummary, rounds: readonly NamedRound[]): string {
  const { mode, documents, figures, differences, answer, champion, rollback, seconds, load } =
    summary;
  const rows = figures.map((each) => {
    const { what, ours, baseline } = each;
    return [
      what,
      `${ours.who} ${measuredText(ours)}`,
      `${baseline.who} ${measuredText(baseline)}`,
      aheadText(each),
    ];
  });
  const end = [
    [
      'champion',
      champion === null
        ? 'none'
        : `${champion.model}@${champion.version}  ${champion.digest.slice(0, 19)}`,
    ],
    ['the worse prompt', rollback === null ? 'was not rolled back' : backText(rollback)],
    [
      'seconds',
      `${seconds.toFixed(0)}, ${count(documents)} documents; load average at the end ${load.toFixed(1)}`,
    ],
  ];
  const label =
    mode === 'quick'
      ? '\nA quick demo: fewer documents and a short training. Its figures are not those of the full sample.\n'
      : '';
  return [
    label,
    roundsTable(rounds),
    '',
    table(['WHAT', 'HERE', 'TRIVIAL BASELINE', 'AHEAD'], rows),
    '95 % intervals: of shares by Wilson, of answers and their differences by confidence sequences.',
    '',
    ...differences,
    ...(answer === null ? [] : ['', ...answerLines(answer)]),
    '',
    table(['WHAT', ''], end),
  ].join('\n');
}

function aheadText({ ahead, apart, ours, baseline }: Figure): string {
  const who = ahead === 'neither' ? 'neither' : ahead === 'ours' ? ours.who : baseline.who;
  return apart ? who : `${who}, not shown`;
}

function backText({
  model,
  from,
  to,
  secondsToFullTraffic,
  failedRequests,
}: NonNullable<LlmDemoSummary['rollback']>): string {
  const after =
    secondsToFullTraffic === null ? 'an unknown time' : `${secondsToFullTraffic.toFixed(2)} s`;
  return `${model}@${from} rolled back to @${to} automatically; all traffic back after ${after}, ${failedRequests} requests failed`;
}

function answerLines({
  text,
  version,
  pieces,
  firstPieceMs,
  sources,
}: StreamedAnswer): readonly string[] {
  return [
    `${version} answered in ${pieces} pieces, the first after ${firstPieceMs.toFixed(0)} ms: ${text}`,
    ...sources.map(
      ({ number, title, cited }) =>
        `  [${number}] ${title ?? 'without a title'}${cited ? ', cited' : ''}`,
    ),
  ];
}
