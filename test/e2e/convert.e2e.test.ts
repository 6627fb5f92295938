/** Models of scikit-learn, LightGBM and XGBoost: converted by a job, evaluated and served. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { pythonPath } from '../support/platform';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(300_000);

const support = resolve('test/support/conversion');
/** What XGBoost 3.2 answers for the row below. */
const ofXgboost = 0.6965482;
const row = { kind: 'a', x: 1, y: 0.5 };

let product: Product;
let native: Readonly<Record<string, number>>;
beforeAll(async () => {
  product = await startProduct();
  const lifecycle = writeTinyLifecycle(product.workDir, {
    name: 'elsewhere',
    evaluate: lenientGates,
  });
  await product.apply(lifecycle);
  const { stdout } = await promisify(execFile)(pythonPath(), [
    join(support, 'make_models.py'),
    join(lifecycle, 'data.csv'),
    product.workDir,
  ]);
  native = { ...(JSON.parse(stdout) as Record<string, number>), xgboost: ofXgboost };
  mkdirSync(join(product.workDir, 'xgboost'));
  cpSync(join(support, 'xgboost-3.2.json'), join(product.workDir, 'xgboost', 'model.json'));
  writeFileSync(
    join(product.workDir, 'xgboost', 'MLmodel'),
    'flavors: { xgboost: { data: model.json, model_class: xgboost.sklearn.XGBClassifier } }',
  );
});
afterAll(() => product.stop());

const importing = (folder: string) =>
  product.cli([
    'model',
    'import',
    'elsewhere',
    '--mlflow',
    join(product.workDir, folder),
    '--wait',
  ]);

test.each(['lightgbm', 'sklearn', 'xgboost'])(
  'a model of %s becomes the champion and answers as its library does',
  async (format) => {
    const { exitCode, stderr } = await importing(format);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) as string });
    const { body } = await product.call<{ versions: object[] }>('GET', '/models/elsewhere');
    expect(body.versions[0]).toMatchObject({ status: 'promoted', imported: { format } });
    const answer = JSON.parse(
      (await product.cli(['predict', 'elsewhere', '--row', JSON.stringify(row), '--json'])).stdout,
    ) as { outputs?: { name: string; data: number[] }[] };
    const score = answer.outputs?.find(({ name }) => name === 'score')?.data[0];
    expect(score).toBeCloseTo(native[format] ?? Number.NaN, 5);
  },
);

test('a pickle that runs code ends its job, and touches nothing of the platform', async () => {
  const folder = join(product.workDir, 'hostile');
  const touched = join(product.workDir, 'touched');
  mkdirSync(folder);
  // What pickle.dumps makes of an object whose __reduce__ is (os.system, ('touch …',)).
  writeFileSync(join(folder, 'model.pkl'), `cposix\nsystem\n(S'touch ${touched}'\ntR.`);
  writeFileSync(join(folder, 'MLmodel'), 'flavors: { sklearn: { pickled_model: model.pkl } }');
  const { exitCode, stderr } = await importing('hostile');
  expect(exitCode).toBe(1);
  expect(existsSync(touched)).toBe(false);
  expect(stderr).toContain('the file contains an object of type int, which has no predict');
});
