/**
 * The built-in stages of a lifecycle without a model. The function of the lifecycle compiles with
 * the others, too, because its kind is in the configuration. They are refused by name.
 */
import type { DataLifecycleSpec, ModelLifecycleSpec } from '../../domain/lifecycle/lifecycle';
import type { ModelLifecycleRun } from '../lifecycle/model-run';
import { toStageResult } from '../lifecycle/model-run';
import type { Run } from '../lifecycle/stage';
import { ingestWholeSources } from '../lifecycle/stages/ingest';
import { validate } from '../lifecycle/stages/validate';
import { refusal } from './stage-calls';

export function dataRun(run: Run<DataLifecycleSpec>): ModelLifecycleRun {
  const { plan } = run;
  const { data } = plan.spec;
  const missing = (what: string, section: string) =>
    refusal(
      `${plan.lifecycle} has no ${section}, so ${what} has nothing to do`,
      `add ${section} to spec of ${plan.lifecycle} in perennial.config.ts`,
    );
  const refuseCall = (name: string) => () => {
    throw missing(`run.${name}`, 'train and evaluate');
  };
  return {
    id: plan.runId,
    get spec(): ModelLifecycleSpec {
      throw missing('run.spec', 'train and evaluate');
    },
    async ingest() {
      if (!data) throw missing('run.ingest', 'data');
      const { output, ...ended } = await ingestWholeSources(run, data);
      return toStageResult({ ...ended, output: { ...output, window: null } });
    },
    async validate(ingested) {
      if (!data) throw missing('run.validate', 'data');
      return toStageResult(await validate(run, ingested));
    },
    train: refuseCall('train'),
    tune: refuseCall('tune'),
    candidate: refuseCall('candidate'),
    evaluate: refuseCall('evaluate'),
    release: refuseCall('release'),
    stopped: ({ verdict }) => ({ status: 'stopped', verdict, version: null }),
    unchanged: refuseCall('unchanged'),
  };
}
