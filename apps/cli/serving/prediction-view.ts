import type { PredictionJson, PredictionSummaryJson } from '../../api/serving/view';

export const predictionColumns = [
  'PREDICTION',
  'WHEN',
  'VERSION',
  'ARM',
  'LATENCY',
  'SAID',
  'VERDICT',
  'FEEDBACK',
];

export function predictionRow({
  id,
  receivedAt,
  model,
  version,
  arm,
  latencyMs,
  verdict,
  ...row
}: PredictionSummaryJson): string[] {
  return [
    id,
    receivedAt,
    `${model}@${version}`,
    arm,
    inMs(latencyMs),
    formatAnswer(row),
    verdict ?? '',
    feedbackText(row.feedback),
  ];
}

/** One fact per line; absent facts are left out. */
export function describePrediction(prediction: PredictionJson): string {
  const {
    id,
    receivedAt,
    model,
    version,
    digest,
    arm,
    latencyMs,
    eventTime,
    rollout,
    answer,
    score,
    class: predicted,
    probabilities,
    other,
    feedback,
    labels,
  } = prediction;
  const firstToken =
    answer?.firstTokenMs == null ? '' : `, first token after ${inMs(answer.firstTokenMs)}`;
  return [
    `${id} of ${model}@${version} (${arm})${digest === null ? '' : `, ${digest.slice(0, 19)}`}`,
    `received ${receivedAt}, answered in ${inMs(latencyMs)}${firstToken}`,
    ...(eventTime === null ? [] : [`event time ${eventTime}`]),
    ...(rollout === null ? [] : [`part of ${rollout.id}, step ${rollout.step}`]),
    formatAnswer({ answer, score, class: predicted }),
    ...probabilityLines(probabilities),
    ...standbyLines(answer),
    ...evidenceLines(prediction),
    ...(other === null ? [] : otherLines(model, other)),
    feedback === null ? 'no feedback' : `feedback: ${datedText(feedback)}`,
    ...(labels.length === 0
      ? []
      : ['values that contradicted, in the order of arrival, up to 8 kB:']),
    ...labels.map((each) => `  ${datedText(each)}`),
  ].join('\n');
}

function otherLines(model: string, other: NonNullable<PredictionJson['other']>): readonly string[] {
  const role = other.role === 'shadow' ? 'was asked beside' : 'was to answer';
  const came = other.error === null ? formatAnswer(other) : `failed: ${other.error}`;
  return [
    `${model}@${other.version} ${role}: ${came} in ${inMs(other.latencyMs)}`,
    ...[...standbyLines(other.answer), ...evidenceLines(other)].map((line) => `  ${line}`),
  ];
}

function formatAnswer({
  answer,
  score,
  class: predicted,
}: Pick<PredictionSummaryJson, 'answer' | 'score' | 'class'>): string {
  if (predicted !== null) return `class ${predicted}`;
  if (answer === null) return score === null ? 'no score' : `score ${score}`;
  const { finish, promptTokens, completionTokens, blocked, malformed, error } = answer;
  if (error !== null) return `interrupted: ${error}`;
  return [
    blocked === null ? finish : `blocked by its ${blocked}`,
    `${promptTokens}+${completionTokens} tokens`,
    ...(malformed ? ['does not match its schema'] : []),
  ].join(', ');
}

const shownClasses = 10;

function probabilityLines(probabilities: PredictionJson['probabilities']): readonly string[] {
  const sorted = Object.entries(probabilities ?? {}).sort(([, a], [, b]) => b - a);
  const more =
    sorted.length > shownClasses ? [`  ${sorted.length - shownClasses} more classes`] : [];
  return [
    ...sorted
      .slice(0, shownClasses)
      .map(([name, probability]) => `  ${probability.toFixed(3)}  ${name}`),
    ...more,
  ];
}

function standbyLines(answer: PredictionJson['answer']): readonly string[] {
  return answer?.standby == null
    ? []
    : [`answered by standby ${answer.standby.provider} ${answer.standby.model}`];
}

function evidenceLines({
  safety,
  retrieved,
}: Pick<PredictionJson, 'safety' | 'retrieved'>): readonly string[] {
  const sides =
    safety === null
      ? []
      : ([
          ['input', safety.input],
          ['output', safety.output],
          ['retrieved', safety.retrieved],
        ] as const);
  return [
    ...(safety === null ? [] : [`policy ${safety.policy.slice(0, 19)}`]),
    ...sides.flatMap(([side, looked]) => (looked === null ? [] : sideLines(side, looked))),
    ...(retrieved === null ? [] : retrievalLines(retrieved)),
  ];
}

type SideJson = NonNullable<PredictionJson['safety']>['input'];

function sideLines(side: string, { outcome, findings, textKept }: SideJson): readonly string[] {
  return [
    `  ${side}: ${outcome}${textKept ? ', text kept: print it with --texts' : ''}`,
    ...findings.map(({ detector, action, found, failure }) => {
      const what =
        failure === null
          ? Object.entries(found).map(([name, times]) => `${name} ${times}×`)
          : [`not checked: ${failure}`];
      return `    ${detector} (${action}): ${what.join(', ')}`;
    }),
  ];
}

function retrievalLines({
  index,
  passages,
  cited,
  left,
  notReranked,
}: NonNullable<PredictionJson['retrieved']>): readonly string[] {
  const out = [
    left.room > 0 ? `${left.room} over the size limit` : '',
    left.policy > 0 ? `${left.policy} by the policy` : '',
  ].filter(Boolean);
  return [
    `sources from ${index.name}@${index.version}${out.length > 0 ? `, left out: ${out.join(', ')}` : ''}${notReranked === undefined ? '' : `, not reranked: ${notReranked}`}`,
    ...passages.map(
      ({ documentId, chunkId, score }, place) =>
        `  [${place + 1}] ${documentId} ${chunkId} ${score.toFixed(3)}${cited.includes(place + 1) ? ', cited' : ''}`,
    ),
  ];
}

function datedText(feedback: PredictionJson['labels'][number]): string {
  return `${feedbackText(feedback)}${feedback.labelledAt === null ? '' : `, ${feedback.labelledAt}`}`;
}

function feedbackText(feedback: PredictionSummaryJson['feedback']): string {
  if (feedback === null) return '';
  const { label, score, references, corrected, judged } = feedback;
  return [
    ...(label === null ? [] : [`label ${label}`]),
    ...(score === null ? [] : [`score ${score}`]),
    ...(references === 0 ? [] : [`${references} right answer${references === 1 ? '' : 's'}`]),
    ...(corrected ? ['corrected'] : []),
    ...(judged === null
      ? []
      : [
          `judged ${judged.served ?? 'not'}${judged.beside === null ? '' : `, the other ${judged.beside}`}`,
        ]),
  ].join(', ');
}

function inMs(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}
