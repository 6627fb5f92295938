import { z } from 'zod';
import type { ReceivedValue } from '../../../db/serving/feedback-schema';
import type { ListedPrediction } from '../../../db/serving/prediction-list';
import type { PredictionRecord } from '../../../db/serving/prediction-records';
import {
  loggedAnswer,
  worstScreeningOutcome,
  type LoggedAnswer,
  type LoggedRetrieval,
  type SafetyAudit,
} from '../../../domain/bundle/logged-answer';
import { outcomes, type ScreeningOutcome } from '../../../domain/safety/screen';
import { classPredictionIn } from '../../../domain/evaluation/class-prediction';
import { classLabel, predictionArms } from '../../../domain/serving/prediction';
import type { AnswerFeedback } from '../../../domain/rollout/judging/answer-quality';
import { instant } from '../fields';

const milliseconds = z.number().describe('milliseconds');
const digest = z.string().meta({ pattern: '^sha256:[0-9a-f]{64}$' });

/** The figures that a version reported for a request, without texts. */
const answer = z.object({
  finish: z.enum(['stop', 'length', 'filtered']),
  promptTokens: z.number().int(),
  completionTokens: z.number().int(),
  firstTokenMs: milliseconds
    .nullable()
    .describe('time to the first piece; null if the answer was sent whole'),
  blocked: z
    .enum(['input', 'output'])
    .nullable()
    .describe('side on which the safety policy blocked the answer'),
  malformed: z.boolean().describe('whether it violates the JSON schema that it must match'),
  error: z.string().nullable().describe('why it was interrupted after its first piece'),
  standby: z
    .object({ provider: z.string(), model: z.string() })
    .nullable()
    .describe('standby that answered; null if the bundle’s own model did'),
});
type AnswerJson = z.output<typeof answer>;

const feedback = z.object({
  labelledAt: instant.nullable().describe('null if only a judge has given feedback'),
  label: z.union([z.number(), z.boolean(), z.string()]).nullable().describe('true value or class'),
  score: z.number().nullable().describe('score of the answer, from 0 to 1'),
  references: z.number().int().describe('number of right answers given; their texts are not shown'),
  corrected: z.boolean().describe('whether a corrected answer was given'),
  judged: z
    .object({ judge: z.string(), served: z.number().nullable(), beside: z.number().nullable() })
    .nullable()
    .describe('a judge’s verdicts on both answers: 1 right, 0 wrong'),
});

type FeedbackJson = z.output<typeof feedback>;

const summary = {
  id: z.string(),
  receivedAt: instant,
  model: z.string().describe('a model or an application'),
  version: z.number().int(),
  arm: z
    .enum(predictionArms)
    .describe(
      'alias that answered; direct: the caller named the version; probe: a test of the platform',
    ),
  latencyMs: milliseconds.describe('time from the request to its response'),
  score: z
    .number()
    .nullable()
    .describe('for a binary classification or a regression; otherwise null'),
  class: z
    .string()
    .nullable()
    .describe('most probable class of a multiclass model; otherwise null'),
  answer: answer.nullable().describe('for a language application; null for a classical model'),
  verdict: z
    .enum(outcomes)
    .nullable()
    .describe(
      'most severe outcome of the safety policy for any side; null if no policy was applied',
    ),
  feedback: feedback.nullable(),
};

export const predictionSummary = z.object(summary).meta({ id: 'PredictionSummary' });
export type PredictionSummaryJson = z.output<typeof predictionSummary>;

const side = z.object({
  outcome: z.enum(outcomes),
  findings: z
    .array(
      z.object({
        detector: z.string(),
        action: z.enum(['block', 'redact', 'flag']),
        found: z
          .record(z.string(), z.number())
          .describe('kind of finding → count, without the text'),
        failure: z.string().nullable().describe('why the detector failed'),
      }),
    )
    .readonly(),
  textKept: z
    .boolean()
    .describe('the policy keeps texts that did not pass; read them with GET …/texts'),
});

const safety = z.object({
  policy: digest.describe('version of the policy that was applied'),
  input: side,
  output: side.nullable().describe('null if there was no text'),
  retrieved: side.nullable().describe('for all passages together; null without passages'),
});

const retrieved = z.object({
  index: z.object({ name: z.string(), version: z.number().int(), digest }),
  passages: z
    .array(z.object({ documentId: z.string(), chunkId: z.string(), score: z.number() }))
    .readonly(),
  cited: z.array(z.number().int()).readonly().describe('numbers of the cited passages, from 1'),
  left: z
    .object({ room: z.number().int(), policy: z.number().int() })
    .describe('passages found but not shown'),
  notReranked: z.string().optional().describe('why the reranker did not order the passages'),
});

const probabilities = z
  .record(z.string(), z.number())
  .nullable()
  .describe('probability by class, for a multiclass model; otherwise null');

const evidenceOf = { safety: safety.nullable(), retrieved: retrieved.nullable() };

export const predictionView = z
  .object({
    ...summary,
    ...evidenceOf,
    probabilities,
    labels: z
      .array(feedback)
      .readonly()
      .describe(
        'the values that contradicted, in the order of arrival, up to 8 kB; empty if none did',
      ),
    digest: digest
      .nullable()
      .describe('digest of the version that answered; for an application, of the release bundle'),
    eventTime: instant.nullable(),
    rollout: z
      .object({ id: z.string(), step: z.number().int() })
      .nullable()
      .describe('open rollout that the request was part of'),
    other: z
      .object({
        version: z.number().int(),
        role: z
          .enum(['shadow', 'fallback', 'stopped'])
          .describe(
            'shadow: requested in addition to the answer; fallback: it should have answered and ' +
              'failed; stopped: it was assigned, but its rollout had stopped its traffic',
          ),
        latencyMs: milliseconds,
        error: z.string().nullable(),
        score: z.number().nullable(),
        class: z.string().nullable(),
        probabilities,
        answer: answer.nullable(),
        ...evidenceOf,
      })
      .nullable()
      .describe('the version that did not answer'),
  })
  .meta({ id: 'Prediction' });
export type PredictionJson = z.output<typeof predictionView>;

const kept = z.object({
  input: z.string().nullable(),
  output: z.string().nullable(),
  retrieved: z.string().nullable(),
});

export const predictionTexts = z
  .object({
    served: kept.describe(
      'unchanged texts by side; null if the text passed or the policy does not keep it',
    ),
    other: kept.describe('texts of the version that did not answer'),
  })
  .meta({ id: 'PredictionTexts' });
export type PredictionTextsJson = z.output<typeof predictionTexts>;

export function summaryToJson({
  label,
  labelledAt,
  output,
  ...row
}: ListedPrediction): PredictionSummaryJson {
  const { id, receivedAt, model, version, arm, latencyMs } = row;
  const said = loggedAnswer(output);
  const predicted = classPredictionIn(output);
  return {
    id,
    receivedAt,
    model,
    version,
    arm,
    latencyMs,
    score: said === null ? scoreIn(output) : null,
    class: predicted?.class ?? null,
    answer: said && answerToJson(said),
    verdict: said && worstScreeningOutcome(said.safety),
    feedback: labelledAt === null ? null : labelToJson(output, { label, labelledAt }),
  };
}

function labelToJson(output: unknown, { label, labelledAt }: ReceivedValue): FeedbackJson {
  const isClass = classPredictionIn(output) !== null;
  return feedbackToJson(isClass ? (classLabel(label) ?? label) : label, labelledAt);
}

export function predictionToJson(
  row: ListedPrediction & Pick<PredictionRecord, 'receivedValues'>,
  digestServed: string | null,
): PredictionJson {
  const { eventTime, rollout, other } = row;
  const [said, predicted] = [loggedAnswer(other?.output), classPredictionIn(other?.output)];
  return {
    ...summaryToJson(row),
    ...evidenceToJson(loggedAnswer(row.output)),
    probabilities: classPredictionIn(row.output)?.probabilities ?? null,
    labels: (row.receivedValues ?? []).map(({ label, labelledAt }) =>
      labelToJson(row.output, { label, labelledAt: new Date(labelledAt).toISOString() }),
    ),
    digest: digestServed,
    eventTime,
    rollout,
    other: other && {
      version: other.version,
      role: other.role,
      latencyMs: other.latencyMs,
      error: other.error,
      score: other.score,
      class: predicted?.class ?? null,
      probabilities: predicted?.probabilities ?? null,
      answer: said && answerToJson(said),
      ...evidenceToJson(said),
    },
  };
}

function scoreIn(output: unknown): number | null {
  const { score } = (output ?? {}) as { readonly score?: unknown };
  return typeof score === 'number' ? score : null;
}

function answerToJson(answer: LoggedAnswer): AnswerJson {
  const { finish, usage, firstTokenMs, blocked, malformed, error, standby = null } = answer;
  const { promptTokens, completionTokens } = usage;
  return {
    finish,
    promptTokens,
    completionTokens,
    firstTokenMs,
    blocked,
    malformed,
    error,
    standby,
  };
}

function evidenceToJson(said: LoggedAnswer | null): Pick<PredictionJson, 'safety' | 'retrieved'> {
  return {
    safety: said?.safety ? safetyToJson(said.safety) : null,
    retrieved: said?.retrieved ? retrievalToJson(said.retrieved) : null,
  };
}

function safetyToJson({
  policy,
  input,
  output,
  retrieved: passages,
}: SafetyAudit): PredictionJson['safety'] {
  return {
    policy,
    input: sideToJson(input),
    output: output && sideToJson(output),
    retrieved: passages ? sideToJson(passages) : null,
  };
}

function sideToJson({
  outcome,
  findings,
  kept: text,
}: SafetyAudit['input']): { outcome: ScreeningOutcome } & z.output<typeof side> {
  return { outcome, findings, textKept: text !== undefined };
}

function retrievalToJson({
  index: { name, version, digest: of },
  passages,
  cited,
  left,
  notReranked,
}: LoggedRetrieval) {
  return {
    index: { name, version, digest: of },
    passages: passages.map(({ documentId, chunkId, score }) => ({ documentId, chunkId, score })),
    cited,
    left,
    ...(notReranked !== undefined && { notReranked }),
  };
}

/** A judge's verdict gets the oldest time, so that any label of a person replaces it. */
const judgedOnly = new Date(0).toISOString();

/** A judge's verdict may exist beside a plain label. */
type FeedbackParts = AnswerFeedback & { readonly label?: unknown };

function feedbackToJson(given: unknown, labelledAt: string): FeedbackJson {
  const said: FeedbackParts =
    typeof given === 'object' && given !== null ? given : { label: given };
  const { label, score, references = [], correction, judged } = said;
  return {
    labelledAt: labelledAt === judgedOnly ? null : labelledAt,
    label:
      typeof label === 'number' || typeof label === 'boolean' || typeof label === 'string'
        ? label
        : null,
    score: score ?? null,
    references: references.length,
    corrected: correction !== undefined,
    judged:
      judged === undefined
        ? null
        : { judge: judged.judge, served: judged.served, beside: judged.beside },
  };
}
