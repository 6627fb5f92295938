import type { IssueAt } from '../../domain/document/document';
import { formatIssue } from '../../domain/document/issue-text';
import type { LifecycleSpec } from '../../domain/lifecycle/revision';
import { modelReferences } from '../../domain/lifecycle/llm/model-references';
import { readSafetyPolicy } from '../../domain/safety/policy-document';
import { nearest } from '../../domain/document/nearest';

/** The providers of language models that are configured for this process. */
export interface KnownModels {
  readonly providers: readonly string[];
  /** The providers file; null if none is configured. */
  readonly file: string | null;
  /**
   * The models that a provider lists; empty if it lists none. May throw, also if the key is
   * missing.
   */
  models(provider: string): Promise<readonly string[]>;
}

/**
 * Warns of models that a run would not find. These are warnings only: workers have their own
 * settings, a provider may be set up later, and it may serve a model that it does not list. There
 * is no warning about a provider that this process cannot reach.
 */
export async function modelWarnings(
  known: KnownModels | null,
  {
    spec,
    texts,
    issueAt,
  }: {
    readonly spec: LifecycleSpec;
    readonly texts: Readonly<Record<string, string>>;
    readonly issueAt: IssueAt;
  },
): Promise<readonly string[]> {
  if (known === null || spec.kind !== 'LlmLifecycle') return [];
  const policy =
    spec.safety === null ? null : readSafetyPolicy(texts[spec.safety] ?? '', spec.safety);
  const asked = modelReferences(spec, policy?.ok ? policy.value : null);
  const listed = new Map<string, readonly string[]>();
  const wanted = new Set(
    asked.flatMap(({ provider, model }) =>
      model !== null && known.providers.includes(provider) ? [provider] : [],
    ),
  );
  await Promise.all(
    [...wanted].map(async (provider) =>
      listed.set(provider, await known.models(provider).catch(() => [])),
    ),
  );
  const told = asked.flatMap(({ provider, model, at }) => {
    if (!known.providers.includes(provider)) {
      const named =
        known.file === null ? 'PERENNIAL_PROVIDERS_FILE is not set' : `it is not in ${known.file}`;
      return issueAt(
        at.provider,
        `provider ${provider} is not configured where the API runs: ${named}`,
        {
          expected:
            known.providers.length === 0
              ? 'a configured provider'
              : `one of ${known.providers.join(', ')}`,
          didYouMean: nearest(provider, known.providers) ?? undefined,
        },
      );
    }
    const models = listed.get(provider) ?? [];
    if (model === null || models.length === 0 || models.includes(model)) return [];
    return issueAt(at.model, `${provider} lists no model ${model}`, {
      expected: `one of ${models.slice(0, maxListed).join(', ')}${models.length > maxListed ? ', …' : ''}`,
      didYouMean: nearest(model, models) ?? undefined,
    });
  });
  return [...new Set(told.map(formatIssue))];
}

const maxListed = 10;
