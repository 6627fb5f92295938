/** Runs a Python step for the items of a map. */
import { log } from '@temporalio/activity';
import type { ArtifactStore } from '../../data/artifact/store';
import type { Registry } from '../../db/registry';
import type { ArtifactRef } from '../../domain/artifact';
import type { ItemError } from '../../domain/project/map';
import type { RunEffectRef } from '../../domain/run/run';
import { withIdempotencyKey } from '../run/idempotent-effect';
import { holdForRun, findItemError, openItemReader, type ItemEnd } from './map-items';
import type { ProjectJobDeps } from './project-job';
import { runStepJob, type StepJobSpec } from './step';

export interface StepItemDeps extends ProjectJobDeps {
  readonly artifacts: ArtifactStore;
  readonly registry: ProjectJobDeps['registry'] & Pick<Registry, 'artifacts' | 'effects'>;
}

export interface StepItemInput extends RunEffectRef {
  readonly traceId: string;
  readonly item: number;
  /** The index of the stored items. */
  readonly items: ArtifactRef;
  /** Refers to a StepJobSpec. */
  readonly step: ArtifactRef;
}

export function createStepItemActivities(deps: StepItemDeps) {
  const read = openItemReader(deps.artifacts);
  return {
    /**
     * Runs the step for one item as a job. A retry after a success does not run it again. The
     * journal has the output. Returns null, or the error that was recorded for the item.
     */
    async runMapStepItem(input: StepItemInput): Promise<ItemError | null> {
      const { tenant, runId, key, traceId } = input;
      const shared = await read.shared<StepJobSpec>(input.step);
      const end = await withIdempotencyKey(
        deps.registry.effects,
        input,
        async (): Promise<ItemEnd> => {
          const given = await read.item(input.items, input.item);
          const job = { tenant, runId, key, traceId, ...shared, input: given };
          const { output, logs } = await runStepJob(deps, job);
          const succeeded = { output, logs };
          await holdForRun(deps, input, succeeded);
          return succeeded;
        },
      );
      // The journal has the output, so that nothing needs the files of the job any more. The end of
      // the run removes what remains, so a failure here must not fail the item.
      const { backend } = shared.compute;
      try {
        await deps.backends[backend]?.discard({ backend, jobId: key, tenant, detail: {} });
      } catch (error) {
        log.warn('the files of an item could not be removed yet', { key, error: String(error) });
      }
      return findItemError(end);
    },
  };
}
