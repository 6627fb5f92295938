/**
 * Activities of the language stages on a real registry and store, one at a time as in a worker.
 * Only the model is scripted.
 */
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import {
  createAnswerCasesActivities,
  type AnswerCasesDeps,
} from '../../../activities/language/answer-cases';
import { createRunBudgetActivities } from '../../../activities/language/request-context';
import {
  createBundleVersionActivities,
  type BundleVersionDeps,
} from '../../../activities/language/bundle-version';
import {
  createEvaluateBundleActivities,
  type EvaluateBundleDeps,
} from '../../../activities/language/evaluate-bundle';
import {
  createJudgeAnswersActivities,
  type JudgeAnswersDeps,
} from '../../../activities/language/judge-answers';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import { openChunkStore } from '../../../data/index/chunk-store';
import { openEmbedders } from '../../../data/index/embedders/open-embedder';
import { openModelAccess } from '../../../data/language/model-access';
import type { ArtifactRef } from '../../../domain/artifact';
import { openTestRegistry, tenant, unique, type TestRegistry } from '../../db/registry-fixture';
import { noSecret, providerAt } from '../provider/model-access';
import { testBucket } from '../platform';
import {
  openScriptedProvider,
  type Script,
  type ScriptedProvider,
} from '../provider/scripted-provider';

type LanguageDeps = AnswerCasesDeps & BundleVersionDeps & EvaluateBundleDeps & JudgeAnswersDeps;
type LanguageActivities = ReturnType<typeof createActivities>;

interface Attempt {
  readonly attempt?: number;
  readonly activityId?: string;
  readonly signal?: AbortSignal;
  /** Heartbeat details of the previous attempt. */
  readonly heartbeatDetails?: unknown;
  readonly onHeartbeat?: (details: unknown) => void;
}

export interface LanguageWorld extends TestRegistry {
  readonly artifacts: ArtifactStore;
  readonly provider: ScriptedProvider;
  /**
   * Runs one activity. `given` replaces parts, such as a store that fails, and sets the attempt,
   * the activity and the heartbeat.
   */
  run<Name extends keyof LanguageActivities>(
    name: Name,
    input: Parameters<LanguageActivities[Name]>[0],
    given?: Partial<LanguageDeps> & Attempt,
  ): Promise<Awaited<ReturnType<LanguageActivities[Name]>>>;
  /** A file of a lifecycle. */
  file(text: string): Promise<ArtifactRef>;
}

function createActivities(deps: LanguageDeps & Parameters<typeof createRunBudgetActivities>[0]) {
  return {
    ...createBundleVersionActivities(deps),
    ...createAnswerCasesActivities(deps),
    ...createEvaluateBundleActivities(deps),
    ...createJudgeAnswersActivities(deps),
    ...createRunBudgetActivities(deps),
  };
}

/** The abort reason of a stopping worker. Any other reason is a cancellation. */
export const workerStops = new Error('the worker stops');

/** The provider is `scripted`; a million of its tokens cost a dollar. */
export async function openLanguageWorld(script: Script = {}): Promise<LanguageWorld> {
  const test = await openTestRegistry({ maxConnections: 10 });
  const bucket = testBucket();
  const artifacts = openArtifactStore({ ...bucket, leases: test.registry.artifacts });
  await artifacts.ensureBucket();
  const provider = await openScriptedProvider(script);
  const price = { promptPerMillion: 1, completionPerMillion: 1 };
  const access = openModelAccess(
    [providerAt(provider.url, { prices: { scripted: price } })],
    noSecret,
  );
  const chunkStore = openChunkStore({ kind: 's3', s3: bucket });
  const embedders = openEmbedders();
  const deps = { registry: test.registry, artifacts, access, chunkStore, embedders };
  return {
    ...test,
    artifacts,
    provider,
    run(
      name,
      input,
      { attempt = 1, activityId = name, signal, heartbeatDetails, onHeartbeat, ...given } = {},
    ) {
      const environment = new MockActivityEnvironment(
        { attempt, activityId, heartbeatDetails },
        { logger: new DefaultLogger('ERROR') },
      );
      if (onHeartbeat) environment.on('heartbeat', onHeartbeat);
      signal?.addEventListener('abort', () => {
        if (signal.reason !== workerStops) environment.cancel();
        else
          environment.cancel(
            'WORKER_SHUTDOWN',
            new ActivityCancellationDetails({ workerShutdown: true }),
          );
      });
      const activity = createActivities({ ...deps, ...given })[name] as (
        input: unknown,
      ) => Promise<never>;
      return environment.run(activity, input);
    },
    file: (text) =>
      artifacts.putBytes({
        tenant,
        bytes: Buffer.from(text),
        mediaType: 'application/octet-stream',
      }),
    async close() {
      await access.close();
      await provider.close();
      chunkStore.close();
      artifacts.close();
      await embedders.close();
      await test.close();
    },
  };
}

/**
 * The text of a prompt file with this instruction before the question, and with passages if it
 * names a variable for them.
 */
export function promptFile(
  instruction: string,
  { name = unique('prompt'), passages = '' } = {},
): string {
  const variable =
    passages === '' ? '' : `    ${passages}: { type: string, description: what was found }\n`;
  return `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: ${name} }
spec:
  variables:
    question: { type: string, description: what is asked }
${variable}  messages:
    - { role: system, template: "${instruction}${passages === '' ? '' : ` {{${passages}}}`}" }
    - { role: user, template: "{{question}}" }
`;
}
