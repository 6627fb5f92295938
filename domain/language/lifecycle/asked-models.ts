import type { DocumentPath } from '../../document/path';
import type { LlmLifecycleSpec } from './llm-lifecycle';
import { askedProviders, type SafetyPolicy } from '../../safety/policy';

/** Who is asked, and where the lifecycle says so. */
export interface AskedModel {
  readonly provider: string;
  /** Null where the provider alone is named, or does not list what is asked of it. */
  readonly model: string | null;
  readonly at: { readonly provider: DocumentPath; readonly model: DocumentPath };
}

/** Everybody whom a run of it may ask. `policy`: of `spec.safety`, where it can be read. */
export function askedModels(
  {
    model,
    evaluate,
    promptEval,
    index,
  }: Pick<LlmLifecycleSpec, 'model' | 'evaluate' | 'promptEval' | 'index'>,
  policy: SafetyPolicy | null,
): readonly AskedModel[] {
  const named = (
    of: { readonly provider: string; readonly model: string | null },
    path: DocumentPath,
    key = 'model',
  ): AskedModel => ({
    ...{ provider: of.provider, model: of.model },
    at: { provider: [...path, 'provider'], model: [...path, key] },
  });
  const dimensions = evaluate.dimensions.flatMap((dimension, place): readonly AskedModel[] => {
    const path = ['spec', 'evaluate', 'dimensions', place];
    if (dimension.kind === 'judge') return [named(dimension, path)];
    if (dimension.kind !== 'robustness') return [];
    return dimension.perturbations.flatMap((each, at) =>
      each.kind === 'paraphrase' ? [named(each, [...path, 'perturbations', at])] : [],
    );
  });
  const proposers = (promptEval?.search?.proposers ?? []).flatMap((each, place) =>
    each.kind === 'mutate'
      ? [named(each, ['spec', 'promptEval', 'search', 'proposers', place])]
      : [],
  );
  // A list of models is one of those that chat: who embeds and who ranks may be missing in it.
  const ofIndex = [
    ...(index?.embedder.kind === 'endpoint'
      ? [named({ ...index.embedder, model: null }, ['spec', 'index', 'embedder'])]
      : []),
    ...(index?.rerank
      ? [named({ ...index.rerank, model: null }, ['spec', 'index', 'rerank'])]
      : []),
  ];
  const safety = ['spec', 'safety'];
  const screening = (policy === null ? [] : askedProviders(policy)).map((provider) => ({
    ...{ provider, model: null },
    at: { provider: safety, model: safety },
  }));
  return [
    named({ provider: model.provider, model: model.name }, ['spec', 'model'], 'name'),
    ...model.standby.map((each, place) => named(each, ['spec', 'model', 'standby', place])),
    ...dimensions,
    ...proposers,
    ...ofIndex,
    ...screening,
  ];
}
