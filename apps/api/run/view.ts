import { z } from 'zod';
import { runStatuses } from '../../../domain/run/run';
import type { Verdict } from '../../../domain/verdict';
import type { RunRecord } from '../../../db/run/repository';
import type { SentEventRecord } from '../../../db/run/sent-event-repository';
import type { StageRecord } from '../../../db/stage/repository';
import type { RunState } from '../../../workflows/run/messages';
import type { LifecycleClient } from '../../temporal-clients/lifecycle-client';
import { batchToJson, batchView } from '../batch/view';
import { contractResults, contractsToJson } from '../dataset/contract-view';
import { approvalWait } from '../overview/view';
import { rolloutSummary } from '../rollout/view';
import { plannedStage } from './planned-stage';
import { failure, instant, verdict } from '../fields';
import { fineTuningToJson, fineTuningView, promptsToJson, promptsView } from '../language/view';
import { tuningToJson, tuningView } from '../tuning/view';

export const stageView = z
  .object({
    name: z.string(),
    status: z.string(),
    seconds: z.number(),
    reusedFrom: z.string().nullable().describe('run whose output was reused'),
    decision: z.string().nullable(),
    verdict: verdict.nullable(),
    contracts: contractResults
      .nullable()
      .describe('result of a validate stage for each source that has a contract'),
    tuning: tuningView.nullable().describe('choice of a tune stage and its figures'),
    prompts: promptsView.nullable().describe('choice of a prompt-eval stage and its figures'),
    fineTuning: fineTuningView
      .nullable()
      .describe('result of a fine-tune stage and of its baselines'),
    batch: batchView.nullable().describe('figures of a stage of a batch prediction'),
    failure: failure.nullable(),
  })
  .meta({ id: 'Stage' });

const appliedAs = z.object({ revision: z.number(), digest: z.string() });
const rerunChange = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('revision'), before: appliedAs, after: appliedAs }),
  z.object({
    kind: z.literal('until'),
    before: z.string().nullable(),
    after: z.string().nullable().describe('end of the data window'),
  }),
  z.object({
    kind: z.literal('param'),
    name: z.string(),
    before: z.unknown(),
    after: z.unknown().describe('value; null where the default of the trainer applies'),
  }),
  z.object({
    kind: z.literal('force'),
    stage: z.string().describe('stage that runs even with unchanged inputs'),
  }),
]);
const rerunView = z
  .object({
    run: z.string(),
    changes: z.array(rerunChange).readonly().describe('everything that differs from that run'),
  })
  .meta({ id: 'RerunOf' });
export const rerunPlan = z
  .object({
    revision: z.number(),
    digest: z.string().describe('digest of the revision'),
    request: z.record(z.string(), z.unknown()),
    rerunOf: rerunView,
    stages: z.array(plannedStage).readonly(),
  })
  .meta({ id: 'RerunPlan' });

export const sentEventView = z
  .object({
    id: z.string(),
    event: z.string(),
    actor: z.string().describe('name of the API key that sent it'),
    createdAt: instant,
    takenBy: z
      .string()
      .nullable()
      .describe('stage that received it; null while the run keeps it for a later wait'),
  })
  .meta({ id: 'SentEvent' });

const fields = z.object({
  id: z.string(),
  lifecycle: z.string(),
  revision: z.string(),
  status: z.enum(runStatuses),
  verdict: verdict.nullable(),
  version: z.number().nullable().describe('model version that the run registered'),
  waitingFor: z.string().nullable(),
  failure: failure.nullable(),
  request: z.record(z.string(), z.unknown()),
  parent: z
    .object({ run: z.string(), stage: z.string().describe('stage that waits for this run') })
    .nullable()
    .describe('run that started it as its child; null for other runs'),
  rerunOf: rerunView.nullable().describe('run whose stages it reuses; null for other runs'),
  actor: z.string(),
  traceId: z.string(),
  createdAt: instant,
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
  temporalUrl: z.string().nullable(),
});

export const runView = fields.meta({ id: 'Run' });
export const runWithStages = fields
  .extend({
    stages: z.array(stageView).readonly(),
    plannedStages: z
      .array(z.string())
      .readonly()
      .describe('stages of its lifecycle, in order; empty where only the code of a project says'),
    rollout: rolloutSummary.nullable().describe('rollout of its canary stage'),
    approvals: z.array(approvalWait).readonly().describe('votes that the run waits for'),
    children: z
      .array(
        z.object({
          id: z.string(),
          lifecycle: z.string(),
          status: z.enum(runStatuses),
          stage: z.string().nullable().describe('stage of this run that waits for it'),
        }),
      )
      .readonly()
      .describe('the newest 100 runs that this run started, oldest first'),
    sentEvents: z
      .array(sentEventView)
      .readonly()
      .describe('the newest 100 events that were sent to the run, oldest first'),
  })
  .meta({ id: 'RunWithStages' });

export const runState = z
  .object({
    runId: z.string().nullable(),
    status: z.enum(runStatuses),
    stage: z.string().nullable(),
    stages: z
      .array(
        z.object({
          name: z.string(),
          status: z.string(),
          seconds: z.number(),
          reusedFrom: z.string().nullable(),
        }),
      )
      .readonly(),
    waitingFor: z.string().nullable(),
    approvals: z
      .array(
        z.object({
          actor: z.string(),
          keyId: z.string(),
          scope: z.string(),
          comment: z.string().optional(),
        }),
      )
      .readonly(),
    ballot: z
      .string()
      .nullable()
      .describe('stage whose approval the run waits for; null while it waits for none'),
  })
  .meta({ id: 'RunState', description: 'The run after a command, as its workflow reports it' });

export function stateToJson({
  runId,
  status,
  stage,
  stages,
  waitingFor,
  approvals,
  ballot,
}: RunState): z.output<typeof runState> {
  return {
    runId,
    status,
    stage,
    waitingFor,
    stages: stages.map(({ name, status: of, seconds, reusedFrom }) => ({
      name,
      status: of,
      seconds,
      reusedFrom,
    })),
    approvals: approvals.map(({ actor, keyId, scope, comment }) => ({
      actor,
      keyId,
      scope,
      ...(comment === undefined ? {} : { comment }),
    })),
    ballot: ballot ?? null,
  };
}

const comparedRun = z.object({
  id: z.string(),
  lifecycle: z.string(),
  status: z.enum(runStatuses),
  version: z.number().nullable(),
  verdict: verdict.nullable(),
  revision: z.string(),
  trainer: z.string().nullable(),
  params: z.record(z.string(), z.unknown()),
  metrics: z
    .record(z.string(), z.unknown())
    .describe(
      'metric of the evaluation: value, and lower and upper bound of the 95 % confidence interval',
    ),
  seconds: z.record(z.string(), z.number()),
});
export const runComparison = z
  .object({
    runs: z.array(comparedRun).readonly(),
    differingParams: z.record(z.string(), z.array(z.unknown()).readonly()),
  })
  .meta({ id: 'RunComparison' });

export type ComparedRun = z.output<typeof comparedRun>;
export type RunComparison = z.output<typeof runComparison>;

export function runToJson(
  run: RunRecord,
  lifecycles: Pick<LifecycleClient, 'url'>,
): z.output<typeof runView> {
  const {
    id,
    lifecycle,
    revisionDigest: revision,
    status,
    verdict,
    version,
    waitingFor,
    failure: failed,
    request,
    rerunOf,
    parent,
  } = run;
  const { actor, traceId, createdAt, startedAt, endedAt, workflowId } = run;
  const state = { status, verdict, version, waitingFor, failure: failed };
  const times = { createdAt, startedAt, endedAt };
  return {
    id,
    lifecycle,
    revision,
    ...state,
    request: { ...request },
    parent: parent && { run: parent.runId, stage: parent.stage },
    rerunOf,
    actor,
    traceId,
    ...times,
    temporalUrl: lifecycles.url(workflowId),
  };
}

export function stageToJson(record: StageRecord): z.output<typeof stageView> {
  const { stage: name, status, seconds, reusedFrom, decision, failure: failed } = record;
  // The verdict on contracts is stored with the output of the stage; only gates make decisions.
  const { verdict = null } = (record.output ?? {}) as { readonly verdict?: Verdict };
  const said = {
    decision: decision?.id ?? null,
    verdict: decision?.verdict ?? verdict,
    contracts: contractsToJson(record),
    tuning: tuningToJson(record),
    batch: batchToJson(record),
  };
  const learnt = { prompts: promptsToJson(record), fineTuning: fineTuningToJson(record) };
  return { name, status, seconds, reusedFrom, ...said, ...learnt, failure: failed };
}

export function childToJson({
  id,
  lifecycle,
  status,
  parent,
}: RunRecord): RunJson['children'][number] {
  return { id, lifecycle, status, stage: parent?.stage ?? null };
}

export function sentEventToJson({
  id,
  event,
  actor,
  createdAt,
  takenBy,
}: SentEventRecord): z.output<typeof sentEventView> {
  return { id, event, actor, createdAt, takenBy };
}

export type RerunPlanJson = z.output<typeof rerunPlan>;
export type RunJson = z.output<typeof runWithStages>;
export type StageJson = z.output<typeof stageView>;
