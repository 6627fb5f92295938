/** The sample `flight-delay` on a real engine, by changing one line of its lifecycle. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startSlurm, type RunningSlurm } from '../../support/engine/slurm';
import { startProduct, type Product } from '../../support/process/product';

jest.setTimeout(900_000);

const root = resolve(__dirname, '..', '..', '..');
const lifecycle = 'flight-delay';

describe('flight-delay on Slurm', () => {
  let slurm: RunningSlurm;
  let product: Product;
  let folder: string;

  beforeAll(async () => {
    slurm = await startSlurm();
    folder = mkdtempSync(join(tmpdir(), 'perennial-engine-'));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, await slurm.token(), { mode: 0o600 });
    product = await startProduct({
      env: {
        PERENNIAL_SLURM_URL: slurm.url,
        PERENNIAL_SLURM_USER: slurm.user,
        PERENNIAL_SLURM_TOKEN_FILE: tokenFile,
        PERENNIAL_SLURM_FOLDER: slurm.workingDirectory,
        PERENNIAL_JOBS_PYTHON: join(root, '.perennial', 'python', 'bin', 'python'),
      },
    });
  });
  afterAll(async () => {
    await product.stop();
    await slurm.close();
    rmSync(folder, { recursive: true });
  });

  test('runs to promotion, with the model and each trial as jobs of the engine', async () => {
    const copy = onEngine(product.workDir, 'slurm');
    await product.apply(copy);
    const { body: begun } = await product.start(lifecycle);
    const run = await product.waitForEnd(begun.id, 800);
    expect(run).toMatchObject({ status: 'succeeded', version: 1, verdict: { kind: 'passed' } });
    const { stdout } = await product.cli(['run', 'logs', run.id]);
    expect(stdout).toContain('training starts');
    // Nothing is left on the engine.
    expect(slurm.client('squeue', '--noheader', '--states=PENDING,RUNNING').trim()).toBe('');
  });
});

/** A copy of the sample with another backend. */
function onEngine(parent: string, backend: 'slurm' | 'ray'): string {
  const folder = join(parent, lifecycle);
  cpSync(join(root, 'samples', lifecycle), folder, { recursive: true });
  const file = join(folder, 'lifecycle.yaml');
  const text = readFileSync(file, 'utf8');
  expect(text).toContain('backend: local,');
  writeFileSync(file, text.replace('backend: local,', `backend: ${backend},`));
  return folder;
}
