/** Jobs of a project log with the stock client of MLflow, in the whole product. */
import { removeProject, writeFiles } from '../../support/project/folder';
import { startProduct, type Product } from '../../support/process/product';

jest.setTimeout(420_000);

const files = {
  'perennial.config.ts': `
import { defineProject } from '@perennial-dev/perennial';
export default defineProject({
  name: 'tracking',
  owner: 'test',
  lifecycles: { tracked: { spec: {} } },
});
`,
  'stages/index.ts': 'export {};\n',
  'requirements.txt': 'mlflow-skinny>=3.1,<4\n',
  'steps/fit.py': `
import mlflow
from perennial.step import step


@step
def fit(rows: int) -> dict:
    with mlflow.start_run(run_name="of a step") as run:
        mlflow.log_param("rows", rows)
        for epoch in range(3):
            mlflow.log_metric("loss", 1 / (epoch + 1), step=epoch)
        mlflow.log_text("hello", "notes.txt")
    try:
        mlflow.set_experiment("elsewhere")
        refused = "nothing"
    except mlflow.MlflowException as error:
        refused = str(error)
    return {"run": run.info.run_id, "refused": refused}
`,
  'lifecycles/tracked.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
import type * as stages from '../stages';
export const tracked = lifecycle<typeof stages>(async (run) => {
  const fitted = await run.step<{ run: string; refused: string }>('fit', { rows: 3 });
  const code = [
    'import mlflow',
    'with mlflow.start_run(run_name="of a command"): mlflow.log_metric("auc", 0.75)',
  ].join('\\n');
  await run.job('command', { command: ['python', '-c', code] });
  return run.done(fitted.refused);
});
`,
};

interface TrackedRuns {
  readonly runs: readonly {
    readonly info: { readonly run_name: string; readonly status: string };
    readonly data: {
      readonly metrics: readonly { readonly key: string; readonly value: number }[];
      readonly tags: readonly { readonly key: string; readonly value: string }[];
    };
  }[];
}

let product: Product;
let folder: string;
beforeAll(async () => {
  product = await startProduct();
  folder = writeFiles(files);
  const { exitCode, stdout, stderr } = await product.cli(['deploy', folder]);
  expect(exitCode === 0 ? '' : stdout + stderr).toBe('');
});
afterAll(async () => {
  removeProject(folder);
  await product.stop();
});

test('a step and a command log to the experiment of their lifecycle, without any setting', async () => {
  const { body: started } = await product.start('tracked', {});
  const ended = await product.waitForEnd(started.id);
  expect(ended).toMatchObject({ status: 'succeeded', failure: null });
  expect(ended.verdict?.reasons.at(-1)?.message).toContain(
    'a job of tracked may only use the experiment of that name',
  );

  const tracking = `${product.apiUrl}/api/2.0/mlflow`;
  const { body: found } = await product.call<{ experiment: { experiment_id: string } }>(
    'GET',
    `${tracking}/experiments/get-by-name?experiment_name=tracked`,
  );
  const { body } = await product.call<TrackedRuns>('POST', `${tracking}/runs/search`, {
    body: { experiment_ids: [found.experiment.experiment_id] },
  });
  const runs = body.runs.map(({ info, data }) => ({
    name: info.run_name,
    status: info.status,
    metrics: Object.fromEntries(data.metrics.map(({ key, value }) => [key, value])),
    run: data.tags.find(({ key }) => key === 'perennial.run')?.value,
  }));
  const status = 'FINISHED';
  expect(runs.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
    { name: 'of a command', status, metrics: { auc: 0.75 }, run: started.id },
    {
      name: 'of a step',
      status,
      metrics: { loss: expect.closeTo(1 / 3) as number },
      run: started.id,
    },
  ]);
});
