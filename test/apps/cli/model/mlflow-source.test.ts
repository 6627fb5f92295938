import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModelFile } from '../../../../apps/cli/model/mlflow-source';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'perennial-mlflow-'));
  mkdirSync(join(cwd, 'model'));
  writeFileSync(join(cwd, 'secret.onnx'), 'private');
  for (const file of ['model.onnx', 'model.pkl', 'model.skops', 'model.lgb', 'model.ubj'])
    writeFileSync(join(cwd, 'model', file), 'content');
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function mlmodel(text: string): void {
  writeFileSync(join(cwd, 'model', 'MLmodel'), text);
}

const pins = 'mlflow==3.17.2\nscikit-learn==1.7.2\nnumpy==2.2.6\npandas>=2\ncloudpickle==3.1.2';

test.each([
  [
    'onnx before all others',
    'flavors: { sklearn: { pickled_model: model.pkl }, onnx: { data: model.onnx } }',
    { format: 'onnx', file: 'model.onnx' },
  ],
  [
    'trees of XGBoost',
    'flavors: { xgboost: { data: model.ubj, model_class: xgboost.sklearn.XGBClassifier } }',
    { format: 'xgboost', file: 'model.ubj', modelClass: 'xgboost.sklearn.XGBClassifier' },
  ],
  [
    'text of LightGBM, which needs no packages',
    'flavors: { lightgbm: { data: model.lgb, lgb_version: 4.6.0 } }',
    { format: 'lightgbm', file: 'model.lgb' },
  ],
  [
    'an estimator of LightGBM with the versions that wrote it',
    'flavors: { lightgbm: { data: model.skops, lgb_version: 4.6.0 } }',
    {
      format: 'lightgbm',
      file: 'model.skops',
      packages: ['scikit-learn==1.7.2', 'numpy==2.2.6', 'cloudpickle==3.1.2', 'lightgbm==4.6.0'],
    },
  ],
  [
    'a pickle of scikit-learn with the versions that wrote it',
    'flavors: { sklearn: { pickled_model: model.pkl, sklearn_version: 1.7.2 } }',
    {
      format: 'sklearn',
      file: 'model.pkl',
      packages: ['scikit-learn==1.7.2', 'numpy==2.2.6', 'cloudpickle==3.1.2'],
    },
  ],
])('finds %s', (_, text, { file, ...expected }) => {
  mlmodel(text);
  writeFileSync(join(cwd, 'model', 'requirements.txt'), pins);
  expect(openModelFile('model', cwd)).toEqual({ path: join(cwd, 'model', file), ...expected });
});

test.each([
  ['a path', '../secret.onnx'],
  ['an absolute path', '/etc/hostname'],
  ['a link', 'link.onnx'],
])('refuses %s out of the folder', (_, data) => {
  symlinkSync(join(cwd, 'secret.onnx'), join(cwd, 'model', 'link.onnx'));
  mlmodel(`flavors: { onnx: { data: "${data}" } }`);
  expect(() => openModelFile('model', cwd)).toThrow(
    `model/MLmodel: flavors.onnx.data is "${data}", which leads out of the folder`,
  );
});

test('refuses a pickle without an MLmodel file', () => {
  rmSync(join(cwd, 'model', 'MLmodel'), { force: true });
  expect(() => openModelFile('model', cwd)).toThrow('model has no MLmodel file');
});

test.each([
  ['flavors: { pytorch: { model_data: data }, python_function: {} }', 'flavors are pytorch'],
  ['flavors: { python_function: {} }', 'flavors are none'],
  ['flavors: { onnx: {} }', 'flavors.onnx.data does not name a file'],
  ['flavors: { sklearn: {} }', 'flavors.sklearn.pickled_model does not name a file'],
  ['flavors: { onnx: { data: none.onnx } }', 'none.onnx, which is not a file'],
  ['flavors: [onnx]', 'has no map of flavors'],
  ['{', 'is not YAML'],
  ['', 'has no map of flavors'],
])('refuses the MLmodel file %j and says why', (text, message) => {
  mlmodel(text);
  expect(() => openModelFile('model', cwd)).toThrow(message);
});

test('says how to import a flavour that cannot be converted', () => {
  mlmodel('flavors: { pytorch: { model_data: data } }');
  expect(() => openModelFile('model', cwd)).toThrow(
    expect.objectContaining({ next: expect.stringContaining('mlflow.onnx') as string }) as Error,
  );
});

test('refuses what is not a folder', () => {
  expect(() => openModelFile('secret.onnx', cwd)).toThrow('secret.onnx is not a folder');
  expect(() => openModelFile('none', cwd)).toThrow('none is not a folder');
});
