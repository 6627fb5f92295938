import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { cliAgainst } from '../fake-api';

// Six trainings, each of which imports PyTorch.
jest.setTimeout(600_000);

let folder: string;
let trainersDir: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-template-'));
  trainersDir = join(folder, 'trainers');
  for (const part of ['runtime', 'trial.py'])
    cpSync(resolve('trainers', part), join(trainersDir, part), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

const trainer = (...args: readonly string[]) =>
  cliAgainst({ apiUrl: null, apiKey: null, cwd: folder, trainersDir }, ['trainer', ...args]);

test('the template torch, with another network in model.py, passes every check for each task', async () => {
  await trainer('init', 'net', '--template', 'torch');
  const model = join(trainersDir, 'net', 'model.py');
  const text = readFileSync(model, 'utf8');
  const changed = text.replace('nn.ReLU()', 'nn.LayerNorm(hidden), nn.Tanh()');
  expect(changed).not.toBe(text);
  writeFileSync(model, changed);

  const tested = await trainer('test', 'net', '--rows', '1000', '--param', 'epochs=10');
  expect(tested).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('net meets the job contract') as string,
  });
  for (const what of ['model.onnx', 'scores', 'deterministic', 'agrees offline'])
    expect(tested.stdout.match(new RegExp(`pass  ${what} `, 'g'))).toHaveLength(3);
  expect(Number(/auc ([\d.]+)/.exec(tested.stdout)?.[1])).toBeGreaterThan(0.7);
  expect(Number(/r2 ([\d.]+)/.exec(tested.stdout)?.[1])).toBeGreaterThan(0.5);
});
