import type { IdempotencyKey, RunId, Tenant } from '../ids';
import type { LifecycleKind } from '../lifecycle/lifecycle';
import type { DecisionRef, Verdict } from '../decision/verdict';

export const modelStages = [
  'ingest',
  'validate',
  'train',
  'tune',
  'evaluate',
  'canary',
  'promote',
] as const;
export type ModelStage = (typeof modelStages)[number];

const llmStages = [
  'ingest',
  'rag-index',
  'prompt-eval',
  'fine-tune',
  'evaluate',
  'canary',
  'promote',
] as const;
type LlmStage = (typeof llmStages)[number];

export type StageName = ModelStage | LlmStage;

/** Of every kind of lifecycle, each once: what a request may name before its lifecycle is known. */
export const stageNames: readonly [StageName, ...StageName[]] = [
  ...modelStages,
  ...llmStages.filter((stage) => !isModelStage(stage)),
];

function isModelStage(stage: StageName): stage is ModelStage {
  return (modelStages as readonly StageName[]).includes(stage);
}

export interface RunRef {
  readonly tenant: Tenant;
  readonly runId: RunId;
}

/** An effect of a run that happens once, however often it is attempted. */
export interface RunEffect extends RunRef {
  readonly key: IdempotencyKey;
}

/** All stages that a kind of lifecycle knows, in order. */
export const stagesByKind = {
  ModelLifecycle: modelStages,
  LlmLifecycle: llmStages,
} as const satisfies Record<LifecycleKind, readonly StageName[]>;

/** The part of the spec without which a stage is left out. */
const optional: Readonly<Partial<Record<StageName, string>>> = {
  ingest: 'data',
  tune: 'tune',
  'prompt-eval': 'promptEval',
  'fine-tune': 'fineTune',
  'rag-index': 'index',
  canary: 'canary',
};

/** Those that a run of this lifecycle goes through, in order. */
export function stagesOf(spec: { readonly kind: LifecycleKind }): readonly StageName[] {
  return stagesByKind[spec.kind].filter((stage) => {
    const part = optional[stage];
    return part === undefined || Boolean((spec as Readonly<Record<string, unknown>>)[part]);
  });
}

/**
 * `stopped`: a gate or a person said no, or could not say yes. `lost`: its workflow execution is
 * gone and could not be started again.
 */
export const runStatuses = [
  'pending',
  'running',
  'waiting',
  'paused',
  'succeeded',
  'stopped',
  'failed',
  'cancelled',
  'lost',
] as const;
export type RunStatus = (typeof runStatuses)[number];
export const finalRunStatuses = [
  'succeeded',
  'stopped',
  'failed',
  'cancelled',
  'lost',
] as const satisfies readonly RunStatus[];

export function isFinal(status: RunStatus): boolean {
  return (finalRunStatuses as readonly RunStatus[]).includes(status);
}

export type StageStatus = 'running' | 'succeeded' | 'stopped' | 'failed' | 'cancelled';

/** What a caller may ask of one run; the body of `POST /lifecycles/{name}/runs`. */
export interface RunRequest {
  /** Overrides of `train.params`, for this run alone. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** End of the data window in event time, RFC 3339; `latest` when absent. */
  readonly until?: string;
  /** Start at this stage with the earlier stages' outputs of `reuseRun`. */
  readonly fromStage?: StageName;
  readonly reuseRun?: RunId;
  /** false runs every stage even when its inputs are unchanged. */
  readonly cache?: boolean;
  readonly reason?: string;
}

/** A run as people see it. */
export interface RunSummary {
  readonly id: RunId;
  readonly lifecycle: string;
  readonly status: RunStatus;
  readonly verdict: Verdict | null;
  /** The model version that the run registered, if it came that far. */
  readonly version: number | null;
  readonly stages: readonly StageSummary[];
  /** What a run that cannot go on waits for (I12). */
  readonly waitingFor: string | null;
}

export interface StageSummary {
  readonly name: string;
  readonly status: StageStatus;
  readonly seconds: number;
  /** The run whose output was used instead of running the stage again. */
  readonly reusedFrom: RunId | null;
  readonly decision?: DecisionRef;
}

export interface Failure {
  readonly type: string;
  readonly message: string;
  readonly stage?: string | undefined;
  /** What to try, in the words of whoever failed. */
  readonly next?: string | undefined;
  /** Undos that failed: a person must look (I5). */
  readonly needsOperator?:
    readonly { readonly what: string; readonly message: string }[] | undefined;
}
