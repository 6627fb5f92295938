import type { DocumentPath } from '../../document/path';
import type { LlmLifecycleSpec } from './llm-lifecycle';
import { policyProviders, type SafetyPolicy } from '../../safety/policy';

/** A model that a run may ask, and the place in the lifecycle that names it. */
export interface ModelReference {
  readonly provider: string;
  /** Null if the lifecycle names only the provider, or providers do not list such models. */
  readonly model: string | null;
  readonly at: { readonly provider: DocumentPath; readonly model: DocumentPath };
}

/** All models that a run may ask. `policy` is that of `spec.safety`; null if it cannot be read. */
export function modelReferences(
  {
    model,
    evaluate,
    promptEval,
    index,
  }: Pick<LlmLifecycleSpec, 'model' | 'evaluate' | 'promptEval' | 'index'>,
  policy: SafetyPolicy | null,
): readonly ModelReference[] {
  const nameModel = (
    of: { readonly provider: string; readonly model: string | null },
    path: DocumentPath,
    key = 'model',
  ): ModelReference => ({
    provider: of.provider,
    model: of.model,
    at: { provider: [...path, 'provider'], model: [...path, key] },
  });
  const dimensions = evaluate.dimensions.flatMap((dimension, place): readonly ModelReference[] => {
    const path = ['spec', 'evaluate', 'dimensions', place];
    if (dimension.kind === 'judge') return [nameModel(dimension, path)];
    if (dimension.kind !== 'robustness') return [];
    return dimension.perturbations.flatMap((each, at) =>
      each.kind === 'paraphrase' ? [nameModel(each, [...path, 'perturbations', at])] : [],
    );
  });
  const proposers = (promptEval?.search?.proposers ?? []).flatMap((each, place) =>
    each.kind === 'mutate'
      ? [nameModel(each, ['spec', 'promptEval', 'search', 'proposers', place])]
      : [],
  );
  // Providers list chat models; embedders and rerankers may be missing from their lists.
  const ofIndex = [
    ...(index?.embedder.kind === 'endpoint'
      ? [nameModel({ ...index.embedder, model: null }, ['spec', 'index', 'embedder'])]
      : []),
    ...(index?.rerank
      ? [nameModel({ ...index.rerank, model: null }, ['spec', 'index', 'rerank'])]
      : []),
  ];
  const safety = ['spec', 'safety'];
  const screening = (policy === null ? [] : policyProviders(policy)).map((provider) => ({
    provider,
    model: null,
    at: { provider: safety, model: safety },
  }));
  return [
    nameModel({ provider: model.provider, model: model.name }, ['spec', 'model'], 'name'),
    ...model.standby.map((each, place) => nameModel(each, ['spec', 'model', 'standby', place])),
    ...dimensions,
    ...proposers,
    ...ofIndex,
    ...screening,
  ];
}
