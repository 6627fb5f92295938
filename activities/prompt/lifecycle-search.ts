import type { ArtifactStore } from '../../data/artifact/store';
import type { ArtifactRef } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import type { ReleaseBundle } from '../../domain/bundle/bundle';
import { sortCases, caseSlice, type CaseSlice } from '../../domain/language/cases/case-slices';
import { readStoredCases, writeCaseSet } from '../../domain/language/cases/case-set-document';
import type { LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import type { PromptSearchRequest } from '../../domain/prompt-search/request';
import { withHeartbeat } from '../run/heartbeat';

export interface DescribeSearchInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  /** JSON: `ReleaseBundle` with the first prompt. */
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
     * The search request of a lifecycle: prompts for the given bundle, chosen on the search slice
     * and confirmed on the confirm slice. The cases that judge the bundle are not used.
     * Content-addressed.
     */
    describeSearch: ({
      tenant,
      runId,
      bundle: ref,
      cases,
      spec,
    }: DescribeSearchInput): Promise<DescribedSearch> =>
      withHeartbeat(async () => {
        const { promptEval, evaluate } = spec;
        if (!promptEval?.search) throw new Error('spec.promptEval.search is not set');
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
            cases: await writeCases('search'),
            heldOut: await writeCases('confirm'),
            bundle: ref,
            route: [{ provider: base.provider, model: base.model }],
            sampling,
          },
        };

        async function writeCases(slice: CaseSlice): Promise<ArtifactRef> {
          const taken = sortCases(all.filter((each) => caseSlice(each, spec.cases) === slice));
          if (taken.length === 0)
            throw failure(
              'InvalidInput',
              `${spec.cases.file} has no case for ${slice}, of ${all.length} cases`,
            );
          const bytes = Buffer.from(writeCaseSet(taken));
          return artifacts.putBytes({ tenant, runId, bytes, mediaType: 'application/x-ndjson' });
        }
      }),
  };
}
