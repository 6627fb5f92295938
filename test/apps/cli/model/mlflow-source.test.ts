import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxFileOf } from '../../../../apps/cli/model/mlflow-source';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'perennial-mlflow-'));
  mkdirSync(join(cwd, 'model'));
  writeFileSync(join(cwd, 'secret.onnx'), 'private');
  writeFileSync(join(cwd, 'model', 'model.onnx'), 'graph');
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function mlmodel(text: string): void {
  writeFileSync(join(cwd, 'model', 'MLmodel'), text);
}

test('finds the file of the flavour onnx', () => {
  mlmodel(
    'flavors: { onnx: { data: model.onnx }, python_function: { loader_module: mlflow.onnx } }',
  );
  expect(onnxFileOf('model', cwd)).toBe(join(cwd, 'model', 'model.onnx'));
});

test.each([
  ['a path', '../secret.onnx'],
  ['an absolute path', '/etc/hostname'],
  ['a link', 'link.onnx'],
])('refuses %s out of the folder', (_, data) => {
  symlinkSync(join(cwd, 'secret.onnx'), join(cwd, 'model', 'link.onnx'));
  mlmodel(`flavors: { onnx: { data: "${data}" } }`);
  expect(() => onnxFileOf('model', cwd)).toThrow(
    `model/MLmodel: flavors.onnx.data is "${data}", which leads out of the folder`,
  );
});

test('refuses a pickle without an MLmodel file', () => {
  writeFileSync(join(cwd, 'model', 'model.pkl'), 'pickle');
  expect(() => onnxFileOf('model', cwd)).toThrow('model has no MLmodel file');
});

test.each([
  [
    'flavors: { sklearn: { pickled_model: model.pkl }, python_function: {} }',
    'flavours are sklearn',
  ],
  ['flavors: { python_function: {} }', 'flavours are none'],
  ['flavors: { onnx: {} }', 'flavors.onnx.data does not name a file'],
  ['flavors: { onnx: { data: none.onnx } }', 'none.onnx, which is not a file'],
  ['flavors: [onnx]', 'has no map of flavors'],
  ['{', 'is not YAML'],
  ['', 'has no map of flavors'],
])('refuses the MLmodel file %j and says why', (text, message) => {
  mlmodel(text);
  expect(() => onnxFileOf('model', cwd)).toThrow(message);
});

test('names the converter of a flavour that is not ONNX', () => {
  mlmodel('flavors: { sklearn: { pickled_model: model.pkl } }');
  expect(() => onnxFileOf('model', cwd)).toThrow(
    expect.objectContaining({ next: expect.stringContaining('skl2onnx') as string }) as Error,
  );
});

test('refuses what is not a folder', () => {
  expect(() => onnxFileOf('secret.onnx', cwd)).toThrow('secret.onnx is not a folder');
  expect(() => onnxFileOf('none', cwd)).toThrow('none is not a folder');
});
