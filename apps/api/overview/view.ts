import { z } from 'zod';
import { rolloutStatuses } from '../../../domain/rollout/rollout';
import { runStatuses } from '../../../domain/run/run';
import { approvalWaits } from '../../../domain/run/approval-wait';
import { allows, type ApiKeyIdentity } from '../../../db/access/repository';
import type { ModelOverview, RunOverview } from '../../../db/overview/repository';
import { failure, instant } from '../fields';

const measured = z.object({
  version: z.number(),
  metrics: z
    .record(
      z.string(),
      z.object({
        value: z.number().nullable(),
        lower: z.number().nullable(),
        upper: z.number().nullable(),
      }),
    )
    .describe('value and bounds of the 95 % confidence interval of each metric on the holdout'),
});

export const modelOverview = z
  .object({
    name: z.string(),
    versions: z.number(),
    task: z.enum(['classification', 'multiclass', 'regression', 'chat']).nullable(),
    champion: z.object({ version: z.number(), since: instant }).nullable(),
    measured: z
      .array(measured)
      .readonly()
      .describe('the evaluations of the newest 12 versions, newest first'),
    rollout: z
      .object({
        id: z.string(),
        status: z.enum(rolloutStatuses),
        challenger: z.number(),
        step: z.number(),
        steps: z.array(z.number()).readonly(),
        weight: z.number(),
        waitingFor: z.string().nullable(),
      })
      .nullable()
      .describe('the open rollout'),
    lastRun: z
      .object({
        id: z.string(),
        status: z.enum(runStatuses),
        createdAt: instant,
        endedAt: instant.nullable(),
      })
      .nullable(),
  })
  .meta({ id: 'ModelOverview' });

const runOverview = z.object({
  id: z.string(),
  lifecycle: z.string(),
  status: z.enum(runStatuses),
  waitingFor: z.string().nullable(),
  failure: failure.nullable(),
  version: z.number().nullable(),
  createdAt: instant,
  endedAt: instant.nullable(),
});

export const approvalWait = z
  .object({
    what: z.string().describe('what people approve, such as churn@7'),
    scope: z.enum(['approver', 'admin']).describe('scope that a vote needs'),
    until: instant,
    stage: z.string(),
    obstacle: z
      .string()
      .nullable()
      .describe('why the caller may not vote, as far as known; null: the caller may'),
  })
  .meta({ id: 'ApprovalWait' });

export const attentionView = z
  .object({
    waiting: z
      .array(runOverview.extend({ approvals: z.array(approvalWait).readonly() }))
      .readonly()
      .describe('runs that wait or are paused, newest first, at most 100'),
    selfApproved: z
      .array(
        z.object({
          lifecycle: z.string(),
          revision: z.number(),
          by: z.string(),
          reason: z.string(),
          approvedAt: instant,
          expiresAt: instant.describe('then the stricter revision before returns'),
        }),
      )
      .readonly()
      .describe('revisions in force that only their author approved'),
    failures: z
      .array(runOverview)
      .readonly()
      .describe('runs that failed or were lost within the last day, newest first, at most 100'),
  })
  .meta({ id: 'Attention' });

export function modelToJson(model: ModelOverview): z.output<typeof modelOverview> {
  const { measured: evaluations, ...rest } = model;
  return {
    ...rest,
    measured: evaluations.map(({ version, metrics }) => ({
      version,
      metrics: measured.shape.metrics.catch({}).parse(metrics),
    })),
  };
}

export function runToJson(run: RunOverview): z.output<typeof runOverview> {
  const { id, lifecycle, status, waitingFor, failure: failed, version, createdAt, endedAt } = run;
  return { id, lifecycle, status, waitingFor, failure: failed, version, createdAt, endedAt };
}

export function waitingToJson(
  run: RunOverview,
  caller: ApiKeyIdentity,
): z.output<typeof attentionView>['waiting'][number] {
  return { ...runToJson(run), approvals: approvalsToJson(run, caller) };
}

/** The votes that the run waits for. */
export function approvalsToJson(
  run: RunOverview,
  caller: ApiKeyIdentity,
): readonly z.output<typeof approvalWait>[] {
  const waits = run.waitingFor === null ? [] : approvalWaits(run.waitingFor);
  return waits.map(({ what, role, until, stage }) => ({
    what,
    scope: role,
    until,
    stage,
    obstacle: findVoteObstacle(run, caller, role),
  }));
}

/** The registry decides on a vote. This only saves a person from one that it would refuse. */
function findVoteObstacle(
  { startedByCaller, id }: RunOverview,
  { scope, name }: ApiKeyIdentity,
  needed: 'approver' | 'admin',
): string | null {
  if (!allows(scope, needed))
    return `a vote needs the scope ${needed}; the key ${name} has ${scope}`;
  return startedByCaller ? `the key ${name} started ${id}; another person's key must vote` : null;
}
