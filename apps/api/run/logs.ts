import type { ArtifactRef } from '../../../domain/dataset/artifact';
import { artifactSchema } from '../../../domain/project/value.schema';
import { failure } from '../../../domain/failure';
import { isOfTenant } from '../../../data/artifact/location';
import type { ArtifactStore } from '../../../data/artifact/store';
import type { Registry } from '../../../db/registry';
import type { RunRecord } from '../../../db/run/repository';

interface Sources {
  readonly registry: Pick<Registry, 'events' | 'stages'>;
  readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
}

/** The logs of the run's ended jobs as text. Failed jobs come first, in order. */
export async function readLogs(sources: Sources, run: RunRecord): Promise<string> {
  const stages = await sources.registry.stages.list({ tenant: run.tenant, runId: run.id });
  // Of a model, a Python step or a command. The model of training may be the one that tuning chose,
  // with the same log.
  const outputs = stages.flatMap(({ output: stored }) => {
    const output = (stored as { readonly output?: unknown } | null | undefined)?.output;
    return [output, (output as { readonly model?: unknown } | null | undefined)?.model];
  });
  const logs = [
    ...(await failedJobs(sources, run)),
    ...outputs.flatMap((output) => logsOf(output) ?? []),
    // A stage of a project may return any reference under this name.
  ].filter((ref) => ref.mediaType.startsWith('text/plain') && isOfTenant(ref, run.tenant));
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
  const found = artifactSchema.safeParse((holder as { readonly logs?: unknown } | null)?.logs);
  return found.success ? found.data : null;
}
