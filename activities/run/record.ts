/**
 * What a run tells the registry: that it began, how each stage went, how it ended. Milliseconds
 * each, repeated safely.
 */
import { randomBytes } from 'node:crypto';
import { failure, isPerennialError } from '../../domain/failure';
import { scheduledWorkflowId, type RunId } from '../../domain/ids';
import type { Failure, RunRef, RunStatus, StageStatus } from '../../domain/run/run';
import { isFinal } from '../../domain/run/run';
import type { Digest } from '../../domain/dataset/artifact';
import type { DecisionRef, Verdict } from '../../domain/decision/verdict';
import type { ArtifactStore } from '../../data/artifact/store';
import { digestOf } from '../../data/digest';
import type { Registry } from '../../db/registry';
import type { RunRecord } from '../../db/run/repository';
import type { LifecycleInput } from '../../workflows/run/messages';
import type { Reuse, RunPlan, StageEnd } from '../../domain/run/plan';
import { referencedArtifacts } from '../artifact/referenced-artifacts';

export interface RunRecordDeps {
  readonly registry: Pick<
    Registry,
    'runs' | 'lifecycles' | 'stages' | 'artifacts' | 'commands' | 'audit'
  >;
  readonly artifacts: ArtifactStore;
  /** Of the code that makes stage outputs: an output of other code is not reused. */
  readonly codeDigest: Digest;
}

interface AtStage extends RunRef {
  readonly stage: string;
  readonly generation: number;
}

export type BegunStage =
  | { readonly kind: 'run' }
  | { readonly kind: 'reused'; readonly fromRun: RunId; readonly end: StageEnd<unknown> };

export function createRunRecordActivities({ registry, artifacts, codeDigest }: RunRecordDeps) {
  return {
    /**
     * Finds or makes the run by its workflow id, so a second attempt finds what the first made.
     * Conflict when it has ended: its workflow was started once too often.
     */
    async openRun(input: LifecycleInput & { readonly workflowId: string }): Promise<RunPlan> {
      const { tenant, workflowId, lifecycle, request, actor, revision: revisionDigest } = input;
      // A schedule gives all its runs the same input, and no trace.
      const traceId = input.traceId === '' ? randomBytes(16).toString('hex') : input.traceId;
      const accepted = await registry.runs.ofWorkflow({ tenant, workflowId });
      // Temporal starts a workflow for anybody who reaches it. What the API has not accepted can
      // only be a schedule's.
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
        : await openScheduled(registry, { tenant, workflowId, lifecycle, request, traceId });
      if (isFinal(run.status))
        throw failure('Conflict', `${run.id} has ended already: it ${run.status}`);
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
        request: run.request,
        traceId: run.traceId,
      };
    },

    /**
     * Answers a second attempt like the first. A cached output whose bytes are gone is not reused:
     * the stage makes them again.
     */
    async beginStage(
      input: AtStage & { readonly inputs: unknown; readonly reuse: Reuse },
    ): Promise<BegunStage> {
      const { inputs, reuse, ...at } = input;
      const cacheKey = digestOf({ stage: at.stage, code: codeDigest, inputs });
      const begin = {
        ...at,
        cacheKey,
        reuse: reuse.kind === 'cache',
        importFrom: reuse.kind === 'from' ? reuse.run : undefined,
      };
      const begun = await registry.stages.begin(begin);
      if (begun.kind === 'run') return begun;
      const end = endOf(begun.output, begun.decision);
      const missing = await missingArtifact(artifacts, end.output);
      if (!missing) return { kind: 'reused', fromRun: begun.fromRun, end };
      if (reuse.kind === 'from') {
        throw failure('ArtifactMissing', `stage ${at.stage} of ${reuse.run}: ${missing} is gone`, {
          next: 'rerun from an earlier stage',
        });
      }
      await registry.stages.begin({ ...begin, reuse: false });
      return { kind: 'run' };
    },

    /**
     * A stage that has ended stays as it is. Its artifacts are held for the run before the record
     * names them.
     */
    async finishStage(input: AtStage & StageResult): Promise<void> {
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

    /** What the run waits for, or that it goes on. */
    async recordRunStatus(
      input: RunRef & { readonly status: RunStatus; readonly waitingFor: string | null },
    ): Promise<void> {
      const { tenant, runId: id, status, waitingFor } = input;
      await registry.runs.update({ tenant, id, status, waitingFor });
    },

    /**
     * No effect of the run is written any more once this has answered. Null, or how the run had
     * ended before: then there is nothing to undo.
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

    /** The final state, and which one it is: the first one written stays. */
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
      if (status === 'cancelled') await noteUnasked(registry, { tenant, runId: id });
      return {
        status: run.status,
        verdict: run.verdict,
        version: run.version,
        ...(run.failure ? { failure: run.failure } : {}),
      };
    },
  };
}

/**
 * By what the registry says, whatever the workflow was started with. @throws Forbidden when the
 * lifecycle has no schedule that could have started it.
 */
async function openScheduled(
  { runs, lifecycles, commands }: RunRecordDeps['registry'],
  {
    tenant,
    workflowId,
    lifecycle,
    request,
    traceId,
  }: Pick<LifecycleInput, 'tenant' | 'lifecycle' | 'request' | 'traceId'> & {
    readonly workflowId: string;
  },
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
  const { until } = request;
  const scheduled = { reason: 'scheduled', ...(until === undefined ? {} : { until }) };
  return runs.open({
    tenant,
    workflowId,
    lifecycle,
    request: scheduled,
    actor: 'schedule',
    traceId,
  });
}

/**
 * Temporal cancels for anybody who reaches it, and says no name. What the API cancels it audits
 * before.
 */
async function noteUnasked(
  { commands, audit }: RunRecordDeps['registry'],
  { tenant, runId }: RunRef,
): Promise<void> {
  const subject = `run:${runId}`;
  const { items } = await audit.list({ tenant, subject, action: 'run.cancel', pageSize: 1 });
  if (items.length > 0) return;
  const cause = 'cancelled in Temporal itself: no key of the API asked for it';
  await commands.auditDenied({
    tenant,
    actor: 'unknown',
    action: 'run.cancelledElsewhere',
    subject,
    cause,
  });
}

type StageResult =
  | { readonly status: 'succeeded' | 'stopped'; readonly end: StageEnd<unknown> }
  | { readonly status: Extract<StageStatus, 'failed' | 'cancelled'>; readonly failure: Failure };

interface RunEndRecord {
  readonly status: RunStatus;
  readonly verdict: Verdict | null;
  readonly version: number | null;
  readonly failure?: Failure;
}

function endOf(stored: unknown, decision: DecisionRef | null): StageEnd<unknown> {
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
