/** A rerun: where it starts, what differs from its original run, and which stages it may reuse. */
import { canonicalJson } from '../canonical';
import type { Digest } from '../artifact';
import type { Issue } from '../failure';
import type { RunId } from '../ids';
import type { ModelLifecycleSpec, TimeSpec } from '../lifecycle/lifecycle';
import type { LifecycleRevision, LifecycleSpec } from '../lifecycle/revision';
import { findProgram } from '../lifecycle/revision';
import type { PlannedStage } from '../lifecycle/plan';
import { changedStages } from '../lifecycle/plan';
import { nearest } from '../document/nearest';
import type { RunRequest, RunStatus, StageStatus } from './run';
import { isFinal } from './run';
import { listBuiltInStages, listStages } from '../lifecycle/stages';

/** The original of a rerun and everything in which the rerun differs from it. */
export interface RerunOf {
  readonly run: RunId;
  readonly changes: readonly RerunChange[];
}

/**
 * A parameter is null where the trainer's default applies. `until` is null without a time column.
 */
type RerunChange =
  | { readonly kind: 'revision'; readonly before: AppliedAs; readonly after: AppliedAs }
  | { readonly kind: 'until'; readonly before: string | null; readonly after: string | null }
  | {
      readonly kind: 'param';
      readonly name: string;
      readonly before: unknown;
      readonly after: unknown;
    }
  | { readonly kind: 'force'; readonly stage: string };

type AppliedAs = Pick<LifecycleRevision, 'revision'> & { readonly digest: Digest };

/** The run whose stages are reused, with what it ran. */
export interface OriginalRun {
  readonly id: RunId;
  readonly status: RunStatus;
  readonly revision: LifecycleRevision;
  readonly request: RunRequest;
  readonly stages: readonly { readonly stage: string; readonly status: StageStatus }[];
}

export interface NextRun {
  readonly revision: LifecycleRevision;
  readonly request: RunRequest;
}

/** What a rerun may change. The rest is kept from the original. */
export interface RerunRequest extends Pick<
  RunRequest,
  'params' | 'until' | 'fromStage' | 'force' | 'reason' | 'priority'
> {
  /** `latest`, a number or a digest; default the revision of the original. */
  readonly revision?: number | string;
}

/**
 * The request of the rerun. Without `fromStage` it starts at the first stage that did not succeed
 * in the original, that is forced, or whose inputs the changes affect.
 */
export function rerunRequest(
  original: OriginalRun,
  { params, fromStage, force, reason, ...asked }: RerunRequest,
  revision: LifecycleRevision,
): RunRequest {
  const all = { ...original.request.params, ...params };
  const until = asked.until ?? keptUntil(original, revision);
  const { imported } = original.request;
  const priority = asked.priority ?? original.request.priority;
  const request: RunRequest = {
    ...(imported === undefined ? {} : { imported }),
    ...(Object.keys(all).length === 0 ? {} : { params: all }),
    ...(until === undefined ? {} : { until }),
    ...(force === undefined ? {} : { force }),
    ...(reason === undefined ? {} : { reason }),
    ...(priority === undefined ? {} : { priority }),
  };
  const next = { revision, request };
  const start = fromStage ?? firstStage(original, next);
  return {
    ...request,
    ...(start === undefined ? {} : { fromStage: start }),
    reuseRun: original.id,
  };
}

/** Each scheduled run has an end of the window, also where the lifecycle has no window. */
function keptUntil({ request }: OriginalRun, { spec }: LifecycleRevision): string | undefined {
  return hasWindow(spec) ? request.until : undefined;
}

function hasWindow(spec: LifecycleSpec): spec is ModelLifecycleSpec & {
  readonly data: { readonly time: TimeSpec };
} {
  return spec.kind === 'ModelLifecycle' && spec.data.time !== null;
}

/**
 * Undefined for a project's run that succeeded: its stages are reused by their inputs. The order of
 * a project's stages is known only as far as the original ran them.
 */
function firstStage(original: OriginalRun, next: NextRun): string | undefined {
  const ended =
    original.status === 'succeeded' ? undefined : original.stages.find(isNotDone)?.stage;
  if (isProject(next.revision)) return ended && judgedAnew(ended);
  const stages = stagesIn(next);
  const undone = stages.find((stage) => !isDone(original, stage));
  const needed = [
    ...(next.request.force ?? []),
    ...staleStages(original, next).map(({ stage }) => stage),
    ...(original.status === 'succeeded' || undone === undefined ? [] : [judgedAnew(undone)]),
  ];
  const start = stages.find((stage) => needed.includes(stage)) ?? stages[0];
  if (undone === undefined || start === undefined) return start;
  return stages.indexOf(undone) < stages.indexOf(start) ? undone : start;
}

/** The stages of the run, in order. Parameters are not searched for an imported model. */
function stagesIn({ revision: { spec }, request: { imported } }: NextRun): readonly string[] {
  return listStages(spec).filter((stage) => stage !== 'tune' || imported === undefined);
}

function isProject({ spec }: LifecycleRevision): boolean {
  return findProgram(spec) !== undefined;
}

/** A refused canary or promotion is judged anew, as the champion may have changed since. */
function judgedAnew(stage: string): string {
  return stage === 'canary' || stage === 'promote' ? 'evaluate' : stage;
}

function isNotDone({ status }: OriginalRun['stages'][number]): boolean {
  return status !== 'succeeded';
}

function isDone({ stages }: OriginalRun, stage: string): boolean {
  return stages.some((each) => each.stage === stage && each.status === 'succeeded');
}

export function buildRerun(original: OriginalRun, next: NextRun): RerunOf {
  const { force = [] } = next.request;
  return {
    run: original.id,
    changes: [
      ...revisionChange(original, next),
      ...untilChange(original, next),
      ...paramChanges(original, next),
      ...force.map((stage) => ({ kind: 'force', stage }) as const),
    ],
  };
}

function revisionChange({ revision: from }: NextRun, { revision: to }: NextRun) {
  if (from.digest === to.digest) return [];
  const of = ({ revision, digest }: LifecycleRevision): AppliedAs => ({ revision, digest });
  return [{ kind: 'revision', before: of(from), after: of(to) } as const];
}

function untilChange(original: NextRun, next: NextRun) {
  const [before, after] = [readUntil(original), readUntil(next)];
  return before === after ? [] : [{ kind: 'until', before, after } as const];
}

function readUntil({ revision: { spec }, request }: NextRun): string | null {
  return hasWindow(spec) ? (request.until ?? spec.data.time.until) : null;
}

function paramChanges(original: NextRun, next: NextRun) {
  const [before, after] = [readParams(original), readParams(next)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .sort()
    .map((name) => ({
      kind: 'param' as const,
      name,
      before: before[name] ?? null,
      after: after[name] ?? null,
    }))
    .filter((change) => canonicalJson(change.before) !== canonicalJson(change.after));
}

function readParams({ revision: { spec }, request }: NextRun): Readonly<Record<string, unknown>> {
  if (findProgram(spec)) return request.params ?? {};
  return spec.kind === 'ModelLifecycle' ? { ...spec.train.params, ...request.params } : {};
}

interface StaleStage {
  readonly stage: string;
  /** The changes that affect its inputs. */
  readonly because: readonly string[];
}

/**
 * The stages whose own inputs differ from the original's by revision, window or parameters. For a
 * project's lifecycle only its code knows them, so that each stage compares its inputs.
 */
function staleStages(original: OriginalRun, next: NextRun): readonly StaleStage[] {
  if (isProject(next.revision)) return [];
  const params = paramChanges(original, next).map(({ name }) => name);
  return [
    ...(untilChange(original, next).length > 0
      ? [{ stage: 'ingest' as const, because: ['until'] }]
      : []),
    ...(params.length > 0 ? [{ stage: 'train' as const, because: params }] : []),
    ...changedStages(original.revision, next.revision),
  ];
}

/** Why the stages before `fromStage` cannot be reused from the original. */
export function reuseIssues(original: OriginalRun, next: NextRun): readonly Issue[] {
  const { revision, request } = next;
  const { fromStage, force = [] } = request;
  const unknown = unknownStages(next, original);
  if (unknown.length > 0) return unknown;
  if (!isFinal(original.status))
    return [{ pointer: '/reuseRun', detail: `${original.id} is still ${original.status}` }];
  if (fromStage === undefined || isProject(revision)) return [];
  const stages = stagesIn(next);
  const earlier = stages.slice(0, stages.indexOf(fromStage));
  const [stale] = stages.flatMap((stage) =>
    staleStages(original, next).filter((each) => each.stage === stage && earlier.includes(stage)),
  );
  const missing = earlier.filter((stage) => !isDone(original, stage));
  const forced = force.filter((stage) => earlier.includes(stage));
  const at = (detail: string): Issue => ({ pointer: '/fromStage', detail });
  return [
    ...otherTrainer(original, next),
    ...paramsOfImported(original, next),
    ...(missing.length > 0
      ? [at(`${original.id} did not finish ${missing.join(', ')}; start at ${missing[0] ?? ''}`)]
      : []),
    ...(forced.length > 0
      ? [at(`${forced.join(', ')} cannot be forced and also reused before ${fromStage}`)]
      : []),
    ...(stale === undefined
      ? []
      : [
          at(
            `starting at ${fromStage} would reuse ${stale.stage} of ${original.id}, ` +
              `whose inputs have changed (${stale.because.join(', ')}); ` +
              `start at ${stale.stage} or earlier`,
          ),
        ]),
  ];
}

/** Names of stages in the request that the lifecycle does not have. */
export function unknownStages(next: NextRun, original?: OriginalRun): readonly Issue[] {
  const { revision, request } = next;
  const program = findProgram(revision.spec);
  const stages: readonly string[] = program
    ? [
        ...listBuiltInStages(revision.spec.kind),
        ...Object.keys(program.stages),
        ...Object.keys(program.steps),
      ]
    : stagesIn(next);
  // A second call of a project's stage is recorded as `<name>-2`.
  const isKnown = (stage: string): boolean =>
    stages.includes(stage) ||
    (program !== undefined &&
      (stages.includes(stage.replace(/-\d+$/, '')) ||
        original?.stages.some((each) => each.stage === stage) === true));
  const { fromStage, force = [] } = request;
  const named = [
    ...(fromStage === undefined ? [] : [{ pointer: '/fromStage', stage: fromStage }]),
    ...force.map((stage, i) => ({ pointer: `/force/${i}`, stage })),
  ];
  return named
    .filter(({ stage }) => !isKnown(stage))
    .map(({ pointer, stage }) => {
      const didYouMean = nearest(stage, stages);
      return {
        pointer,
        detail: `${revision.lifecycle} has no stage ${stage}`,
        expected: `one of ${stages.join(', ')}`,
        ...(didYouMean === null ? {} : { didYouMean }),
      };
    });
}

/** Parameters of one trainer mean nothing, or something else, to another one. */
function otherTrainer(original: OriginalRun, { revision }: NextRun): readonly Issue[] {
  const [was, is] = [original.revision.spec, revision.spec];
  const kept = Object.keys(original.request.params ?? {});
  if (was.kind !== 'ModelLifecycle' || is.kind !== 'ModelLifecycle' || kept.length === 0) return [];
  if (was.train.trainer === is.train.trainer) return [];
  const detail =
    `${original.id} set ${kept.join(', ')} for the trainer ${was.train.trainer}, but revision ` +
    `${revision.revision} uses ${is.train.trainer}; start a new run instead`;
  return [{ pointer: '/params', detail }];
}

function paramsOfImported({ id }: OriginalRun, { request }: NextRun): readonly Issue[] {
  if (request.imported === undefined || request.params === undefined) return [];
  const detail = `${id} evaluates the imported model ${request.imported.fileName} and trains none`;
  return [{ pointer: '/params', detail, expected: 'no params' }];
}

/** A stage of a rerun. `mayRun` depends on inputs that are not known before. */
export interface RerunStage extends Omit<PlannedStage, 'stage'> {
  readonly stage: string;
}

/** What the rerun does with each stage, as far as it is known before it starts. */
export function rerunStages(original: OriginalRun, next: NextRun): readonly RerunStage[] {
  const { revision, request } = next;
  const { fromStage, force } = request;
  const isOfProject = isProject(revision);
  const isSame = !isOfProject && original.revision.digest === revision.digest;
  const stages: readonly string[] = isOfProject
    ? original.stages.map(({ stage }) => stage)
    : stagesIn(next);
  const start = fromStage === undefined ? stages.length : stages.indexOf(fromStage);
  const stale = staleStages(original, next);
  return stages.map((stage, i): RerunStage => {
    const because = stale.filter((each) => each.stage === stage).flatMap((each) => each.because);
    if (force?.includes(stage)) return { stage, action: 'runs', because: [...because, 'forced'] };
    if (i < start && isSame) return { stage, action: 'reused', because: [] };
    if (i < start && !(isOfProject && actsOutside.has(stage)))
      return { stage, action: 'mayRun', because: ['its inputs differ from the original'] };
    if (i < start || force === undefined || neverCached.has(stage))
      return { stage, action: 'runs', because };
    return { stage, action: 'mayRun', because: ['no earlier run had the same inputs'] };
  });
}

const actsOutside: ReadonlySet<string> = new Set(['canary', 'promote']);
/** Stages that depend on sources or traffic outside, which only they can see. */
const neverCached: ReadonlySet<string> = new Set(['ingest', ...actsOutside]);
