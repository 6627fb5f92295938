import type { LifecycleKind, ReleasingKind } from './lifecycle';

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

/** All stages of each kind of built-in lifecycle, in order. */
export const stagesByKind = {
  ModelLifecycle: modelStages,
  LlmLifecycle: llmStages,
} as const satisfies Record<ReleasingKind, readonly StageName[]>;

/** The stages that a run of this kind may have beside those of its project. */
export function listBuiltInStages(kind: LifecycleKind): readonly StageName[] {
  return stagesByKind[kind === 'DataLifecycle' ? 'ModelLifecycle' : kind];
}

/** No stage of a project has the name of a built-in one. */
export function isBuiltInStage(name: string): boolean {
  return Object.values(stagesByKind).some((stages: readonly string[]) => stages.includes(name));
}

/** The section of the spec that a stage needs. */
const optional: Readonly<Partial<Record<StageName, string>>> = {
  ingest: 'data',
  tune: 'tune',
  'prompt-eval': 'promptEval',
  'fine-tune': 'fineTune',
  'rag-index': 'index',
  canary: 'canary',
};

/** The stages of a run of this lifecycle, in order. Only its function knows those without a model. */
export function listStages(spec: { readonly kind: LifecycleKind }): readonly StageName[] {
  if (spec.kind === 'DataLifecycle') return [];
  return stagesByKind[spec.kind].filter((stage) => {
    const part = optional[stage];
    return part === undefined || Boolean((spec as Readonly<Record<string, unknown>>)[part]);
  });
}
