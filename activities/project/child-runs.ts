/** Starts runs of other lifecycles for a run, and reads how they ended. */
import { openTrainerCatalog } from '../../data/training/catalog';
import { runParamIssues } from '../../data/training/run-params';
import type { Registry } from '../../db/registry';
import type { RunRecord } from '../../db/run/repository';
import { invalidInput } from '../../domain/document/issue-text';
import { nearestHint } from '../../domain/document/nearest';
import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import { refuseLooserRevision } from '../../domain/lifecycle/looser-revision';
import type { LifecycleRevision } from '../../domain/lifecycle/revision';
import type { ChildRunState } from '../../domain/project/child-run';
import { toBuildId, type ProgramRef } from '../../domain/lifecycle/sections/program';
import type { RunRef } from '../../domain/run/run';

export interface ChildRunDeps {
  readonly registry: Pick<Registry, 'children' | 'lifecycles' | 'runs'>;
  readonly trainersDir: string;
}

interface ChildStart extends RunRef {
  /** The stage of the parent that waits for the child. */
  readonly stage: string;
  /** The build of the parent. */
  readonly program: ProgramRef;
  readonly lifecycle: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export function createChildRunActivities({ registry, trainersDir }: ChildRunDeps) {
  const trainers = openTrainerCatalog(trainersDir);
  return {
    /**
     * Accepts the child; the outbox starts it. Idempotent: a second attempt returns the first
     * child.
     */
    async startChildRun(start: ChildStart): Promise<ChildRunState> {
      const { tenant, runId, stage, lifecycle, params } = start;
      const parent = { runId, stage };
      // First, because the revision in force may have changed since then.
      const earlier = await registry.children.ofStage({ tenant, parent });
      if (earlier) return toChildRunState(earlier);
      const revision = await childRevision(registry, start);
      const request = Object.keys(params).length > 0 ? { params } : {};
      const issues = runParamIssues(trainers, revision, request.params);
      if (issues.length > 0) throw invalidInput(`run.child('${lifecycle}')`, issues);
      const child = await registry.children.accept({
        tenant,
        parent,
        lifecycle,
        revisionDigest: revision.digest,
        request: { ...request, reason: `child of ${runId}` },
      });
      return toChildRunState(child);
    },

    /** Changes nothing. */
    async readChildRun({
      tenant,
      child: id,
    }: {
      readonly tenant: Tenant;
      readonly child: RunId;
    }): Promise<ChildRunState> {
      const child = await registry.runs.get({ tenant, id });
      if (!child) throw failure('NotFound', `there is no run ${id}`);
      return toChildRunState(child);
    },

    /** Idempotent: a child that has ended stays as it is. */
    async cancelChildRun({
      tenant,
      runId,
      child,
    }: RunRef & { readonly child: RunId }): Promise<void> {
      const cause = `its parent ${runId} no longer waits for it`;
      await registry.children.cancel({ tenant, parent: runId, child, cause });
    },
  };
}

/**
 * A child of the same project uses the build of its parent, because a run ends on the build with
 * which it started. Other lifecycles use their revision in force.
 */
async function childRevision(
  registry: ChildRunDeps['registry'],
  { tenant, runId, program, lifecycle: name }: ChildStart,
): Promise<LifecycleRevision> {
  const inForce = await registry.lifecycles.get({ tenant, name });
  if (!inForce) throw await unknownLifecycle(registry, { tenant, name });
  const { spec } = inForce;
  const of = 'program' in spec ? spec.program : undefined;
  if (of?.project !== program.project || of.build === program.build) return inForce;
  const used = await registry.lifecycles.get({
    tenant,
    name,
    program: { project: program.project, buildId: toBuildId(program.build) },
  });
  if (!used)
    throw failure('NotFound', `the build of ${runId} has no lifecycle ${name}`, {
      next: `perennial run rerun ${runId} --revision latest`,
    });
  refuseLooserRevision({
    inForce,
    used,
    by: `a child of ${runId}`,
    next: `perennial run rerun ${runId} --revision latest`,
  });
  return used;
}

async function unknownLifecycle(
  registry: ChildRunDeps['registry'],
  { tenant, name }: { readonly tenant: Tenant; readonly name: string },
) {
  const { items } = await registry.lifecycles.list({ tenant, pageSize: 200 });
  const hint = nearestHint(
    name,
    items.map((each) => each.name),
  );
  return failure('NotFound', `there is no lifecycle ${name}${hint}`, {
    next: 'perennial lifecycle list',
  });
}

function toChildRunState(run: RunRecord): ChildRunState {
  const { id, lifecycle, status, verdict, version, failure: failed } = run;
  return { id, lifecycle, status, verdict, version, failure: failed };
}
