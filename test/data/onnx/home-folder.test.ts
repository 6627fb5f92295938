import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..', '..', '..');

/**
 * onnxruntime's reports to its maker begin with an identity of this machine, kept in the user's
 * home: no file there, no report.
 */
test('a process that predicts sends no usage reports', () => {
  const home = mkdtempSync(join(tmpdir(), 'perennial-home-'));
  const program = join(home, 'predict.ts');
  writeFileSync(
    program,
    `import { openOnnxModel } from ${JSON.stringify(join(root, 'data/onnx/session'))};
     import { linearOnnx } from ${JSON.stringify(join(root, 'test/support/serving/onnx-graph'))};
     void openOnnxModel(linearOnnx({ bias: 0, weights: { hour: 1 }, link: 'sigmoid' })).then((model) => model.close());`,
  );
  try {
    const { PATH = '' } = process.env;
    execFileSync(process.execPath, ['-r', 'tsx/cjs', program], {
      cwd: root,
      env: { PATH, HOME: home },
      stdio: 'pipe',
    });
    expect(readdirSync(home)).toEqual(['predict.ts']);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
