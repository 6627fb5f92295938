import type { ArtifactStore } from '../data/artifacts/store';
import type { ArtifactRef } from '../domain/artifact';
import { failure } from '../domain/failure';
import type { RunId, Tenant } from '../domain/ids';
import type { ReleaseBundle } from '../domain/llm/bundle';
import { inOrder, sliceOf, type CaseSlice } from '../domain/llm/case-slices';
import { readStoredCases, writeCaseSet } from '../domain/llm/evaluation/case-set-document';
import type { LlmLifecycleSpec } from '../domain/llm/llm-lifecycle';
import type { PromptSearchRequest } from '../domain/llm/search/request';
import { whileBeating } from './heartbeating';

export interface DescribeSearchInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  /** JSON: `ReleaseBundle` with the prompt that is the first one. */
  readonly bundle: ArtifactRef;
  /** NDJSON. */
  readonly cases: ArtifactRef;
  readonly spec: Pick<LlmLifecycleSpec, 'cases' | 'evaluate' | 'promptEval'>;
}

export interface DescribedSearch {
  readonly prompt: string;
  readonly first: ArtifactRef;
  readonly request: PromptSearchRequest;
}

export function createLifecycleSearchActivities({
  artifacts,
}: {
  readonly artifacts: Pick<ArtifactStore, 'getBytes' | 'getJson' | 'putBytes'>;
}) {
  return {
    /**
     * What a lifecycle's search is of: prompts in place of the bundle's, over the cases that prompts are chosen by, confirmed on those of the lifecycle. What judges the bundle is not
     * among them. Content-addressed: again, the same references.
     */
    describeSearch: ({ tenant, runId, bundle: ref, cases, spec }: DescribeSearchInput): Promise<DescribedSearch> =>
      whileBeating(async () => {
        const { promptEval, evaluate } = spec;
        if (!promptEval?.search) throw new Error('a lifecycle without a search');
        const { base, prompt, sampling } = await artifacts.getJson<ReleaseBundle>(ref);
        const all = readStoredCases(new TextDecoder().decode(await artifacts.getBytes(cases)), spec.cases.file);
        return {
          prompt: prompt.name,
          first: prompt.artifact,
          request: {
            spec: { ...promptEval.search, quality: promptEval.quality, confirm: 0 },
            dimensions: evaluate.dimensions,
            cases: await written('search'),
            heldOut: await written('confirm'),
            bundle: ref,
            route: [{ provider: base.provider, model: base.model }],
            sampling,
          },
        };

        async function written(slice: CaseSlice): Promise<ArtifactRef> {
          const taken = inOrder(all.filter((each) => sliceOf(each, spec.cases) === slice));
          if (taken.length === 0) throw failure('InvalidInput', `${spec.cases.file} leaves no case for ${slice}: it has ${all.length}`);
          const bytes = Buffer.from(writeCaseSet(taken));
          return artifacts.putBytes({ tenant, runId, bytes, mediaType: 'application/x-ndjson' });
        }
      }),
  };
}
