import type { ArtifactStore } from '../../data/artifact/store';
import { llmWeightsPath } from '../../data/language/runtime-module';
import { openScratch } from '../../data/scratch';
import {
  writeExamples,
  type Conversations,
  type WrittenExamples,
} from '../../data/training/examples';
import { openLedgerChat } from '../../data/language/ledger-chat';
import type { ModelAccess } from '../../data/language/model-access';
import type { Registry } from '../../db/registry';
import type { ArtifactRef } from '../../domain/artifact';
import type { DatasetManifest, DatasetVersionRef } from '../../domain/dataset/dataset';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import { readStoredCases } from '../../domain/language/cases/case-set-document';
import type { FineTuneSpec, LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import { passageValue } from '../../domain/bundle/passages';
import { renderPrompt } from '../../domain/prompt/render';
import { buildRequestContext } from './request-context';
import { openBundleAnswering, type BundleAnsweringDeps } from './bundle-answering';
import { openExampleSearch, type ExamplePassages } from './example-passages';
import { withHeartbeat } from '../run/heartbeat';
import { openRunProgress } from '../run/progress';

export interface PrepareExamplesDeps extends BundleAnsweringDeps {
  readonly registry: BundleAnsweringDeps['registry'] &
    Pick<Registry, 'effects' | 'events' | 'llmCalls'>;
  readonly access: ModelAccess;
  readonly artifacts: Pick<
    ArtifactStore,
    'getBytes' | 'getJson' | 'putFile' | 'putJson' | 'toFile'
  >;
  readonly scratchRoot: string;
}

export interface PrepareExamplesInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly traceId?: string;
  readonly examples: DatasetVersionRef;
  /** JSON `ReleaseBundle`. Examples get its prompt and passages, as requests do when it serves. */
  readonly bundle: ArtifactRef;
  readonly fineTune: FineTuneSpec;
  /** NDJSON. Cases of the evaluation must not be trained on. */
  readonly cases: ArtifactRef;
  /** Budgets that pay for retrieval. */
  readonly spec: Pick<LlmLifecycleSpec, 'budget'>;
}

export interface PreparedExamples extends WrittenExamples {
  /** The weights that the adapter extends; null when a provider has them. */
  readonly base: ArtifactRef | null;
  /** Null when the prompt quotes no passages. */
  readonly passages: ExamplePassages | null;
}

export function createPrepareExamplesActivities(deps: PrepareExamplesDeps) {
  const { registry, artifacts, scratchRoot } = deps;
  const { effects, events } = registry;
  const openBundle = openBundleAnswering(deps);
  const chat = openLedgerChat(deps.access, registry.llmCalls);

  return {
    /**
     * Writes examples as conversations, split into train and holdout by a hash of the question.
     * With an index, each example gets the passages that are found for it, as requests do.
     * Deterministic; passages are stored in batches, so a retry repeats only the batch in progress.
     */
    prepareExamples: (input: PrepareExamplesInput): Promise<PreparedExamples> =>
      withHeartbeat(async ({ signal, report }) => {
        const { tenant, runId, examples, fineTune } = input;
        const { bundle, prompt, retrievalFor } = await openBundle(input);
        const variable = bundle.signature.input;
        const index = bundle.index;
        const retrieval =
          index &&
          (await retrievalFor(
            await buildRequestContext({ chat, registry }, { ...input, stage: 'fine-tune' }, []),
          ));
        const search =
          index &&
          retrieval &&
          openExampleSearch(
            { effects, artifacts },
            { ...input, index, input: variable, retrieval, signal },
          );
        const tell = openRunProgress(events, {
          tenant,
          runId,
          stage: 'fine-tune',
          kind: 'examples.progress',
        });
        const conversations: Conversations = async (batch) => {
          const { inputs, place, of } = batch;
          if (!search) return inputs.map((text) => renderPrompt(prompt, { [variable]: text }));
          const found = await search.find(batch);
          const progress = {
            found: place - 1 + inputs.length,
            of,
            index: search.told().index.name,
          };
          report(progress);
          tell(progress);
          return inputs.map((text, which) => {
            const passages = found[which] ?? null;
            const beside = passages && {
              [retrieval.variable]: passageValue(passages, prompt, retrieval.variable),
            };
            return beside && renderPrompt(prompt, { [variable]: text, ...beside });
          });
        };
        const manifest = await artifacts.getJson<DatasetManifest>(examples.manifest);
        const cases = readStoredCases(
          new TextDecoder().decode(await artifacts.getBytes(input.cases)),
          'cases',
        );
        const scratch = await openScratch(scratchRoot, `examples-${runId}`);
        try {
          const storeFile = (path: string, mediaType: string) =>
            artifacts.putFile({ tenant, runId, path, mediaType, signal });
          const written = await writeExamples({
            artifacts,
            scratch,
            manifest,
            conversations,
            fineTune,
            signal,
            put: storeFile,
            exam: cases.map(({ input: values }) => String(values[variable] ?? '')),
            format: fineTune.by === 'provider' ? 'chat' : 'parquet',
          });
          const base =
            fineTune.by === 'provider'
              ? null
              : await storeFile(llmWeightsPath(bundle.base.model), 'application/octet-stream');
          const passages = search && search.told();
          const refused = Object.values(passages?.refused ?? {}).reduce(
            (sum, examples) => sum + examples,
            0,
          );
          return {
            ...written,
            rows: { ...written.rows, tooLong: written.rows.tooLong - refused },
            base,
            passages,
          };
        } finally {
          await scratch.dispose();
        }
      }),
  };
}
