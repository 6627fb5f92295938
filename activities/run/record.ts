/** Records in the registry how a run and its stages begin and end. Fast and idempotent. */
import { randomBytes } from 'node:crypto';
import { failure, isPerennialError } from '../../domain/failure';
import { scheduledWorkflowId, type RunId } from '../../domain/ids';
import type { Failure, RunRef, RunRequest, RunStatus, StageStatus } from '../../domain/run/run';
import { isFinal } from '../../domain/run/run';
import type { Digest } from '../../domain/artifact';
import type { DecisionRef, Verdict } from '../../domain/verdict';
import type { ArtifactStore } from '../../data/artifact/store';
import { completeParams } from '../../data/training/params';
import { computeDigest } from '../../data/digest';
import { loosenings } from '../../domain/lifecycle/loosenings';
import {
  findProgram,
  type LifecycleRevision,
  type LifecycleSpec,
} from '../../domain/lifecycle/revision';
import { toBuildId } from '../../domain/lifecycle/sections/program';
import type { Registry } from '../../db/registry';
import type { RunRecord } from '../../db/run/repository';
import type { LifecycleInput } from '../../workflows/run/messages';
import type { Reuse, RunPlan, StageEnd } from '../../domain/run/plan';
import { referencedArtifacts } from '../artifact/referenced-artifacts';

export interface RunRecordDeps {
  readonly registry: Pick<
    Registry,
    | 'runs'
    | 'lifecycles'
    | 'stages'
    | 'schedules'
    | 'retrainings'
    | 'artifacts'
    | 'commands'
    | 'audit'
  >;
  readonly artifacts: ArtifactStore;
  /** Digest of the code that makes stage outputs. Outputs of other code are not reused. */
  readonly codeDigest: Digest;
}

interface OpenRunInput extends LifecycleInput {
  readonly workflowId: string;
  /** Temporal's id of the project build that executes the workflow; absent without a project. */
  readonly buildId?: string | undefined;
}

interface AtStage extends RunRef {
  readonly stage: string;
  readonly generation: number;
}

export type StageOpening =
  | { readonly kind: 'run' }
  | { readonly kind: 'reused'; readonly fromRun: RunId; readonly end: StageEnd<unknown> };

export function createRunRecordActivities({ registry, artifacts, codeDigest }: RunRecordDeps) {
  return {
    /**
     * Finds or creates the run of a workflow id. Idempotent.
     * @throws Conflict when the run has ended, because its workflow was started again.
     */
    async openRun(input: OpenRunInput): Promise<RunPlan> {
      const { tenant, workflowId, lifecycle, request, actor, revision: revisionDigest } = input;
      // All runs of a schedule have the same input, so it contains no trace id.
      const traceId = input.traceId === '' ? randomBytes(16).toString('hex') : input.traceId;
      const accepted = await registry.runs.ofWorkflow({ tenant, workflowId });
      // Any client of Temporal can start a workflow. A run that the API did not accept must come
      // from a schedule.
      const run = accepted
        ? await registry.runs.open({
            tenant,
            workflowId,
            lifecycle,
            request,
            actor,
            traceId,
            revisionDigest,
          })
        : await openScheduled(registry, { ...input, traceId });
      if (isFinal(run.status))
        throw failure('Conflict', `${run.id} has already ended as ${run.status}`);
      const revision = await registry.lifecycles.get({
        tenant,
        name: lifecycle,
        digest: run.revisionDigest,
      });
      if (!revision)
        throw failure('NotFound', `lifecycle ${lifecycle} has no revision ${run.revisionDigest}`);
      await registry.runs.update({ tenant, id: run.id, status: 'running' });
      const { spec, files, contracts } = revision;
      return {
        runId: run.id,
        tenant,
        lifecycle,
        revision: run.revisionDigest,
        spec,
        files,
        contracts,
        request: completeRequest(spec, run.request),
        traceId: run.traceId,
      };
    },

    /**
     * Begins a stage, or reuses a stored output. Idempotent. An output whose artifacts are missing
     * is not reused, and the stage runs.
     */
    async beginStage(
      input: AtStage & {
        readonly inputs: unknown;
        readonly reuse: Reuse;
        /** Digest of the code of a project's stage; absent for a built-in stage. */
        readonly code?: Digest;
      },
    ): Promise<StageOpening> {
      const { inputs, reuse, code = codeDigest, ...at } = input;
      const cacheKey = computeDigest({ stage: at.stage, code, inputs });
      const begin = {
        ...at,
        cacheKey,
        reuse: reuse.kind === 'cache',
        importFrom: reuse.kind === 'from' ? reuse.run : undefined,
      };
      const begun = await registry.stages.begin(begin);
      if (begun.kind === 'run') return begun;
      const end = toStageEnd(begun.output, begun.decision);
      const missing = await missingArtifact(artifacts, end.output);
      if (!missing) return { kind: 'reused', fromRun: begun.fromRun, end };
      if (reuse.kind === 'from') {
        const message =
          `cannot reuse stage ${at.stage} of ${reuse.run}; ` + `missing artifact: ${missing}`;
        throw failure('ArtifactMissing', message, { next: 'rerun from an earlier stage' });
      }
      await registry.stages.begin({ ...begin, reuse: false });
      return { kind: 'run' };
    },

    /**
     * Records the end of a stage; the first recorded end stays. Artifacts are referenced before the
     * record names them, so that garbage collection keeps them.
     */
    async finishStage(input: AtStage & FinishedStage): Promise<void> {
      const { tenant, runId, stage, generation } = input;
      if ('failure' in input) {
        await registry.stages.finish({
          tenant,
          runId,
          stage,
          generation,
          status: input.status,
          failure: input.failure,
        });
        return;
      }
      const { output, verdict, decision, notReusable } = input.end;
      for (const ref of await referencedArtifacts(artifacts, output)) {
        await registry.artifacts.reference({ tenant, digest: ref.digest, by: `run:${runId}` });
      }
      await registry.stages.finish({
        tenant,
        runId,
        stage,
        generation,
        status: input.status,
        output: { output, verdict, ...(notReusable && { notReusable }) },
        decisionId: decision?.id,
      });
    },

    /** Records the status and what the run waits for; null when it waits for nothing. */
    async recordRunStatus(
      input: RunRef & { readonly status: RunStatus; readonly waitingFor: string | null },
    ): Promise<void> {
      const { tenant, runId: id, status, waitingFor } = input;
      await registry.runs.update({ tenant, id, status, waitingFor });
    },

    /**
     * Stops further effects of the run. Null, or the end of a run that had already ended and must
     * not be undone.
     */
    async beginUndo({ tenant, runId: id }: RunRef): Promise<RunEndRecord | null> {
      const {
        status,
        verdict,
        version,
        failure: failed,
      } = await registry.runs.beginUndo({ tenant, id });
      return isFinal(status)
        ? { status, verdict, version, ...(failed ? { failure: failed } : {}) }
        : null;
    },

    /** Records the end and returns the recorded one; the first recorded end stays. */
    async closeRun(input: RunRef & RunEndRecord): Promise<RunEndRecord> {
      const { tenant, runId: id, status, verdict, version } = input;
      const run = await registry.runs.update({
        tenant,
        id,
        status,
        verdict,
        version,
        failure: input.failure ?? null,
      });
      if (status === 'cancelled') await auditDirectCancel(registry, { tenant, runId: id });
      return {
        status: run.status,
        verdict: run.verdict,
        version: run.version,
        ...(run.failure ? { failure: run.failure } : {}),
      };
    },
  };
}

/** Adds the defaults of the parameters of a project's lifecycle. */
function completeRequest(spec: LifecycleSpec, request: RunRequest): RunRequest {
  const schema = findProgram(spec)?.params;
  return schema ? { ...request, params: completeParams(schema, request.params ?? {}) } : request;
}

/**
 * Opens a scheduled run from the registry's data, because the input may come from any client.
 * @throws Forbidden when the lifecycle has no schedule that could have started it; Conflict when a
 *   brake of automatic runs prevents it, which the schedule shows as a skipped time.
 */
async function openScheduled(
  { runs, lifecycles, commands, schedules, retrainings }: RunRecordDeps['registry'],
  { tenant, workflowId, lifecycle, request, traceId, buildId }: OpenRunInput,
): Promise<RunRecord> {
  const current = await lifecycles.get({ tenant, name: lifecycle });
  if (
    !current?.spec.schedule ||
    !workflowId.startsWith(scheduledWorkflowId({ tenant, lifecycle }))
  ) {
    const message = `${workflowId} was started by neither the API nor a schedule of ${lifecycle}`;
    await commands.auditDenied({
      tenant,
      actor: 'unknown',
      action: 'run.refused',
      subject: `workflow:${workflowId}`,
      cause: message,
    });
    throw failure('Forbidden', message, { next: `perennial run start ${lifecycle}` });
  }
  const used = await revisionOfBuild(lifecycles, current, { tenant, buildId });
  const { until } = request;
  const scheduledAt = until ?? new Date().toISOString();
  const run = {
    tenant,
    workflowId,
    lifecycle,
    revisionDigest: used.digest,
    request: { reason: 'scheduled', ...(until === undefined ? {} : { until }) },
    actor: 'schedule',
    traceId,
  };
  try {
    if (
      current.spec.kind !== 'ModelLifecycle' ||
      (until !== undefined && !isCronTime(until)) ||
      (await schedules.isRequested({ tenant, lifecycle, scheduledAt }))
    )
      return await runs.open(run);
    const allowsOpenRun = current.spec.schedule.overlap === 'allowAll';
    const opened = await retrainings.openScheduled({ ...run, scheduledAt, allowsOpenRun });
    if (opened.kind === 'opened') return opened.run;
    throw failure('Conflict', `the schedule of ${lifecycle} started no run: ${opened.cause}`, {
      next: `perennial retraining show ${lifecycle}`,
    });
  } catch (error) {
    // Nobody waits for a scheduled run, so the schedule shows why it has none.
    if (isPerennialError(error) && error.type === 'TenantLimit')
      await schedules.skip({
        tenant,
        lifecycle,
        skip: { scheduledAt, cause: error.message, runId: null },
      });
    throw error;
  }
}

/** A cron expression of five fields names whole minutes. Other times are those of a trigger. */
function isCronTime(time: string): boolean {
  return new Date(time).getUTCSeconds() === 0;
}

/**
 * Temporal sends scheduled runs to a new build only after its worker has started. A run that starts
 * before uses the newest revision of its own build, unless that is looser than the one in force.
 */
async function revisionOfBuild(
  lifecycles: RunRecordDeps['registry']['lifecycles'],
  inForce: LifecycleRevision,
  { tenant, buildId }: Pick<OpenRunInput, 'tenant' | 'buildId'>,
): Promise<LifecycleRevision> {
  const program = findProgram(inForce.spec);
  if (buildId === undefined || !program || toBuildId(program.build) === buildId) return inForce;
  const used = await lifecycles.get({
    tenant,
    name: inForce.lifecycle,
    program: { project: program.project, buildId },
  });
  return used && loosenings(inForce, used).length === 0 ? used : inForce;
}

/** Any client of Temporal can cancel a run without a name. The API audits its own cancellations. */
async function auditDirectCancel(
  { commands, audit }: RunRecordDeps['registry'],
  { tenant, runId }: RunRef,
): Promise<void> {
  const subject = `run:${runId}`;
  const { items } = await audit.list({ tenant, subject, action: 'run.cancel', pageSize: 1 });
  if (items.length > 0) return;
  const cause = 'cancelled in Temporal directly: no API key requested it';
  await commands.auditDenied({
    tenant,
    actor: 'unknown',
    action: 'run.cancelledElsewhere',
    subject,
    cause,
  });
}

type FinishedStage =
  | { readonly status: 'succeeded' | 'stopped'; readonly end: StageEnd<unknown> }
  | { readonly status: Extract<StageStatus, 'failed' | 'cancelled'>; readonly failure: Failure };

interface RunEndRecord {
  readonly status: RunStatus;
  readonly verdict: Verdict | null;
  readonly version: number | null;
  readonly failure?: Failure;
}

function toStageEnd(stored: unknown, decision: DecisionRef | null): StageEnd<unknown> {
  const { output, verdict } = stored as { output: unknown; verdict?: Verdict };
  return { output, ...(verdict ? { verdict } : {}), ...(decision ? { decision } : {}) };
}

async function missingArtifact(artifacts: ArtifactStore, output: unknown): Promise<string | null> {
  try {
    const refs = await referencedArtifacts(artifacts, output);
    const there = await Promise.all(refs.map((ref) => artifacts.exists(ref)));
    return refs.find((_, i) => !there[i])?.uri ?? null;
  } catch (error) {
    if (isPerennialError(error) && error.type === 'ArtifactMissing') return error.message;
    throw error;
  }
}
