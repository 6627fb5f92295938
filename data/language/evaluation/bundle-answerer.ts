import type { ReleaseBundle } from '../../../domain/bundle/bundle';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import type { SafetyPolicy } from '../../../domain/safety/policy';
import type { Detectors } from '../../safety/open-detectors';
import { screenPassages } from '../retrieval';
import { type Answerer, type CaseRetrieval, promptAnswerer } from './answerer';
import type { LedgerAccess } from '../reranker';
import { caseScreens, type CaseScreens } from './case-screens';
import { screenedAnswerer } from './screened-answerer';

export interface BundleAnswererOptions {
  readonly asking: LedgerAccess;
  readonly bundle: ReleaseBundle;
  readonly prompt: PromptTemplate;
  readonly policy: SafetyPolicy | null;
  readonly detectors: Detectors;
  /** Pays for models that the policy's detectors ask. */
  readonly guarding: LedgerAccess;
  readonly retrieval: CaseRetrieval | null;
}

/**
 * Answers as the bundle is served, but without standbys, whose answers would count as those of the
 * bundle's own model. The safety policy screens the question, the passages and the answer.
 */
export function bundleAnswerer({
  asking,
  bundle,
  prompt,
  policy,
  detectors,
  guarding,
  retrieval,
}: BundleAnswererOptions): Answerer {
  const { base, sampling, signature } = bundle;
  const first = { provider: base.provider, model: base.model, adapter: base.adapter };
  const shared = { asking, template: prompt, route: [first], sampling } as const;
  if (policy === null) return promptAnswerer({ ...shared, retrieval });
  const screens = caseScreens({ policy, detectors, asking: guarding });
  const ask = promptAnswerer({
    ...shared,
    retrieval: retrieval && screenedRetrieval(retrieval, screens),
  });
  return screenedAnswerer(ask, screens, signature.input);
}

/** Leave out passages that the safety policy blocks. */
export function screenedRetrieval(retrieval: CaseRetrieval, screens: CaseScreens): CaseRetrieval {
  return {
    ...retrieval,
    async retrieve(of, asked) {
      const found = await retrieval.retrieve(of, asked);
      const { signal } = asked;
      await screens.prepare();
      const { screen, cost } = screens.open();
      const screened = await screenPassages(
        found,
        async (text) => (await screen('retrieved', text, { signal })).text,
      );
      return { ...found, ...screened, cost: (found.cost ?? 0) + cost() };
    },
  };
}
