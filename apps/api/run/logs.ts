import type { ArtifactRef } from '../../../domain/artifact';
import { artifactSchema } from '../../../domain/project/value.schema';
import { failure } from '../../../domain/failure';
import { computeDigest } from '../../../data/digest';
import { isOfTenant } from '../../../data/artifact/location';
import type { Registry } from '../../../db/registry';
import type { RunRecord } from '../../../db/run/repository';

interface Sources {
  readonly registry: Pick<Registry, 'events' | 'stages'>;
}

export interface FoundLogs {
  readonly logs: readonly ArtifactRef[];
  /** Whether they follow the ones of the cursor, instead of beginning again. */
  readonly continues: boolean;
  /** Names the logs up to the last of these. */
  readonly cursor: string;
}

/**
 * The logs of the run's ended jobs. Failed and cancelled jobs come first, in order. After a
 * cursor, only the logs that were added behind it, or all of them if another one came before.
 */
export async function findLogs(
  sources: Sources,
  run: RunRecord,
  after: string | undefined,
): Promise<FoundLogs> {
  const logs = await allLogs(sources, run);
  if (logs.length === 0) {
    throw failure('NotFound', `${run.id} has no job log yet; no job has ended`, {
      next: `perennial run show ${run.id}`,
    });
  }
  const known = Number(/^(\d+)\./.exec(after ?? '')?.[1] ?? 0);
  const continues =
    known > 0 && known <= logs.length && formatCursor(logs.slice(0, known)) === after;
  return { logs: logs.slice(continues ? known : 0), continues, cursor: formatCursor(logs) };
}

function formatCursor(logs: readonly ArtifactRef[]): string {
  const digest = computeDigest(logs.map((log) => log.digest));
  return `${logs.length}.${digest.replace('sha256:', '').slice(0, 32)}`;
}

async function allLogs(sources: Sources, run: RunRecord): Promise<readonly ArtifactRef[]> {
  const stages = await sources.registry.stages.list({ tenant: run.tenant, runId: run.id });
  // Of a model, a Python step or a command. The model of training may be the one that tuning chose,
  // with the same log.
  const outputs = stages.flatMap(({ output: stored }) => {
    const output = (stored as { readonly output?: unknown } | null | undefined)?.output;
    return [output, (output as { readonly model?: unknown } | null | undefined)?.model];
  });
  const logs = [
    ...(await recordedLogs(sources, run)),
    ...outputs.flatMap((output) => readLogsRef(output) ?? []),
    // A stage of a project may return any reference under this name.
  ].filter((ref) => ref.mediaType.startsWith('text/plain') && isOfTenant(ref, run.tenant));
  return [...new Map(logs.map((ref) => [ref.digest, ref])).values()];
}

const page = 1000;

/** Finds the stored logs of failed and cancelled jobs. */
async function recordedLogs({ registry }: Sources, run: RunRecord): Promise<ArtifactRef[]> {
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
      const logs = ['job.failed', 'job.cancelled'].includes(kind) ? readLogsRef(data) : null;
      if (logs) found.push(logs);
    }
    if (events.length < page) return found;
    afterSeq = events.at(-1)?.seq ?? afterSeq;
  }
}

function readLogsRef(holder: unknown): ArtifactRef | null {
  const found = artifactSchema.safeParse((holder as { readonly logs?: unknown } | null)?.logs);
  return found.success ? found.data : null;
}
