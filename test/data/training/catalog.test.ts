import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openTrainerCatalog } from '../../../data/training/catalog';

const ours = openTrainerCatalog(resolve('trainers'));
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'perennial-trainers-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function trainer(name: string, manifest: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'trainer.yaml'), manifest);
  writeFileSync(join(folder, name, 'train.py'), 'def train(job): ...\n');
}
const manifest = (name: string) =>
  `name: ${name}\ndescription: x\ntasks: [regression]\nparams: { type: object }\n`;

test('finds the trainers of this repository, each with its tasks', () => {
  expect(ours.list().map(({ name, tasks }) => [name, tasks])).toEqual([
    ['baseline', ['classification', 'multiclass', 'regression']],
    ['lightgbm', ['classification', 'multiclass', 'regression']],
    ['logistic', ['classification', 'multiclass', 'regression']],
    ['lora', ['generation']],
    ['torch', ['classification', 'multiclass', 'regression']],
  ]);
});

test.each(['../domain', 'runtime', 'none', ''])('finds no trainer %p', (name) => {
  expect(ours.get(name)).toBeNull();
  expect(() => ours.checkParams(name, {})).toThrow(
    /unknown trainer .*; available: baseline, lightgbm, logistic, lora, torch/,
  );
});

describe('parameters', () => {
  test.each([
    ['lightgbm', { objective: 'binary', num_leaves: 63, learning_rate: 0.05 }],
    ['lightgbm', {}],
    ['logistic', { C: 0.5, class_weight: 'balanced' }],
    ['baseline', { group_by: ['hour', 'weekday'] }],
  ])('of %s may be %j', (name, params) => {
    expect(ours.checkParams(name, params)).toEqual([]);
  });

  test.each([
    [
      'lightgbm',
      { num_leavs: 3 },
      { pointer: '/num_leavs', detail: 'no such parameter', didYouMean: 'num_leaves' },
    ],
    ['lightgbm', { num_leaves: 1 }, { pointer: '/num_leaves' }],
    ['lightgbm', { num_leaves: 2.5 }, { pointer: '/num_leaves' }],
    ['lightgbm', { learning_rate: 'fast' }, { pointer: '/learning_rate' }],
    ['lightgbm', { learning_rate: Number.NaN }, { pointer: '/learning_rate' }],
    ['lightgbm', { objective: 'softmax' }, { pointer: '/objective' }],
    ['lightgbm', { 'a/b~c': 1 }, { pointer: '/a~1b~0c' }],
    ['logistic', { C: 0 }, { pointer: '/C' }],
    ['baseline', { group_by: ['hour', ''] }, { pointer: '/group_by/1' }],
  ])('of %s may not be %j', (name, params, issue) => {
    expect(ours.checkParams(name, params)).toEqual([expect.objectContaining(issue)]);
  });
});

describe('the code digest', () => {
  test('changes with the code of trainer and runtime and the library versions, but not with tests or caches', () => {
    cpSync(resolve('trainers/runtime'), join(folder, 'runtime'), { recursive: true });
    trainer('mine', manifest('mine'));
    const digest = () => openTrainerCatalog(folder).get('mine')?.codeDigest;
    const first = digest();
    mkdirSync(join(folder, 'mine', '__pycache__'));
    writeFileSync(join(folder, 'mine', '__pycache__', 'train.pyc'), 'x');
    writeFileSync(join(folder, 'mine', 'test_train.py'), 'x');
    expect(digest()).toBe(first);
    const digests = [first];
    for (const path of ['mine/other.py', 'runtime/graph.py', 'requirements.lock']) {
      writeFileSync(join(folder, path), 'changed');
      digests.push(digest());
    }
    expect(new Set(digests).size).toBe(4);
  });
});

test.each([
  [
    'a name that is not the folder’s',
    'mine',
    manifest('yours'),
    /mine\/trainer\.yaml: name is yours/,
  ],
  ['an unknown key', 'mine', `${manifest('mine')}colour: red\n`, /Unrecognized key: "colour"/],
  [
    'a schema that says nothing',
    'mine',
    manifest('mine').replace('type: object', 'type: fruit'),
    /mine\/trainer\.yaml/,
  ],
])('refuses a manifest with %s, naming the file', (_, name, text, message) => {
  mkdirSync(join(folder, 'runtime'));
  trainer(name, text);
  expect(() => openTrainerCatalog(folder).list()).toThrow(message);
});
