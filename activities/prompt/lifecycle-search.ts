import type { ArtifactStore } from '../../data/artifact/store';
import type { ArtifactRef } from '../../domain/dataset/artifact';
import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import type { ReleaseBundle } from '../../domain/language/bundle';
import { inOrder, sliceOf, type CaseSlice } from '../../domain/language/canary/case-slices';
import { readStoredCases, writeCaseSet } from '../../domain/language/cases/case-set-document';
import type { LlmLifecycleSpec } from '../../domain/language/lifecycle/llm-lifecycle';
import type { PromptSearchRequest } from '../../domain/prompt/search/request';
import { whileBeating } from '../run/heartbeating';

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
     * What a lifecycle's search is of: prompts in place of the bundle's, over the cases that
     * prompts are chosen by, confirmed on those of the lifecycle. What judges the bundle is not
     * among them. Content-addressed: again, the same references.
     */
    describeSearch: ({
      tenant,
      runId,
      bundle: ref,
      cases,
      spec,
    }: DescribeSearchInput): Promise<DescribedSearch> =>
      whileBeating(async () => {
        const { promptEval, evaluate } = spec;
        if (!promptEval?.search) throw new Error('a lifecycle without a search');
        const { base, prompt, sampling } = await artifacts.getJson<ReleaseBundle>(ref);
        const all = readStoredCases(
          new TextDecoder().decode(await artifacts.getBytes(cases)),
          spec.cases.file,
        );
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
          if (taken.length === 0)
            throw failure(
              'InvalidInput',
              `${spec.cases.file} leaves no case for ${slice}: it has ${all.length}`,
            );
          const bytes = Buffer.from(writeCaseSet(taken));
          return artifacts.putBytes({ tenant, runId, bytes, mediaType: 'application/x-ndjson' });
        }
      }),
  };
}
