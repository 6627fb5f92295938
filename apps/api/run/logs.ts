import type { ArtifactRef } from '../../../domain/dataset/artifact';
import { failure } from '../../../domain/failure';
import type { ArtifactStore } from '../../../data/artifact/store';
import type { Registry } from '../../../db/registry';
import type { RunRecord } from '../../../db/run/repository';

interface Sources {
  readonly registry: Pick<Registry, 'events' | 'stages'>;
  readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
}

/** The logs of the run's ended jobs as text. Jobs that left no model come first, in order. */
export async function readLogs(sources: Sources, run: RunRecord): Promise<string> {
  const stages = await sources.registry.stages.list({ tenant: run.tenant, runId: run.id });
  const output = (name: string) =>
    (stages.find(({ stage }) => stage === name)?.output as { output?: unknown } | null | undefined)
      ?.output;
  // The model of training may be the one that tuning chose, with the same log.
  const models = [output('train'), (output('tune') as { model?: unknown } | undefined)?.model];
  const logs = [
    ...(await failedJobs(sources, run)),
    ...models.flatMap((model) => logsOf(model) ?? []),
  ];
  if (logs.length === 0) {
    throw failure('NotFound', `${run.id} has no job log yet; no job has ended`, {
      next: `perennial run show ${run.id}`,
    });
  }
  const once = [...new Map(logs.map((ref) => [ref.digest, ref])).values()];
  const texts = await Promise.all(
    once.map(async (ref) => Buffer.from(await sources.artifacts.getBytes(ref)).toString('utf8')),
  );
  return texts.map((text) => (text === '' || text.endsWith('\n') ? text : `${text}\n`)).join('');
}

const page = 1000;

async function failedJobs({ registry }: Sources, run: RunRecord): Promise<ArtifactRef[]> {
  const found: ArtifactRef[] = [];
  let afterSeq = 0;
  for (;;) {
    const events = await registry.events.list({
      tenant: run.tenant,
      runId: run.id,
      afterSeq,
      limit: page,
    });
    for (const { kind, data } of events) {
      const logs = kind === 'job.failed' ? logsOf(data) : null;
      if (logs) found.push(logs);
    }
    if (events.length < page) return found;
    afterSeq = events.at(-1)?.seq ?? afterSeq;
  }
}

function logsOf(holder: unknown): ArtifactRef | null {
  return (holder as { logs?: ArtifactRef } | null | undefined)?.logs ?? null;
}
