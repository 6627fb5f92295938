/** The sample `flight-delay` on real engines, by changing one line of its lifecycle. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { request } from 'undici';
import { startFakeKubernetes } from '../../support/engine/kubernetes/cluster';
import { startRay } from '../../support/engine/ray';
import { startSlurm } from '../../support/engine/slurm';
import { startProduct, type Product } from '../../support/process/product';

jest.setTimeout(900_000);

const root = resolve(__dirname, '..', '..', '..');
const lifecycle = 'flight-delay';

interface StartedEngine {
  readonly env: Readonly<Record<string, string>>;
  /** Jobs that wait or run. */
  open(): Promise<readonly string[]>;
  close(): Promise<void>;
}

describe.each([
  ['slurm', onSlurm],
  ['ray', onRay],
  ['kubernetes', onKubernetes],
] as const)('flight-delay on %s', (kind, start) => {
  let engine: StartedEngine;
  let product: Product;

  beforeAll(async () => {
    engine = await start();
    const python = join(root, '.perennial', 'python', 'bin', 'python');
    product = await startProduct({ env: { ...engine.env, PERENNIAL_JOBS_PYTHON: python } });
  });
  afterAll(async () => {
    await product.stop();
    await engine.close();
  });

  test('runs to promotion, with the model and each trial as jobs of the engine', async () => {
    await product.apply(onEngine(product.workDir, kind));
    const { body: begun } = await product.start(lifecycle);
    const run = await product.waitForEnd(begun.id, 800);
    expect(run.failure).toBeNull();
    expect(run).toMatchObject({ status: 'succeeded', version: 1, verdict: { kind: 'passed' } });
    const { stdout } = await product.cli(['run', 'logs', run.id]);
    expect(stdout).toContain('training starts');
    expect(await engine.open()).toEqual([]);
  });
});

async function onSlurm(): Promise<StartedEngine> {
  const slurm = await startSlurm();
  const folder = mkdtempSync(join(tmpdir(), 'perennial-engine-'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, await slurm.token(), { mode: 0o600 });
  return {
    env: {
      PERENNIAL_SLURM_URL: slurm.url,
      PERENNIAL_SLURM_USER: slurm.user,
      PERENNIAL_SLURM_TOKEN_FILE: tokenFile,
      PERENNIAL_SLURM_FOLDER: slurm.workingDirectory,
    },
    open() {
      const states = '--states=PENDING,RUNNING';
      const text = slurm.client('squeue', '--noheader', states, '--format=%j').trim();
      return Promise.resolve(text === '' ? [] : text.split('\n'));
    },
    async close() {
      await slurm.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function onRay(): Promise<StartedEngine> {
  const ray = await startRay();
  return {
    env: { PERENNIAL_RAY_URL: ray.url },
    async open() {
      const { body } = await request(`${ray.url}/api/jobs/`);
      const jobs = (await body.json()) as readonly { submission_id: string; status: string }[];
      return jobs
        .filter(({ status }) => status === 'PENDING' || status === 'RUNNING')
        .map((job) => job.submission_id);
    },
    close: () => ray.close(),
  };
}

/** Not a real cluster: its API server is of the tests. */
async function onKubernetes(): Promise<StartedEngine> {
  const { namespace, image, kubeconfig, controllers, close } = await startFakeKubernetes();
  return {
    env: {
      PERENNIAL_KUBERNETES_NAMESPACE: namespace,
      PERENNIAL_KUBERNETES_IMAGE: image,
      PERENNIAL_KUBERNETES_KUBECONFIG: kubeconfig,
    },
    open: () => Promise.resolve([...controllers.jobs.keys()]),
    close,
  };
}

/** A copy of the sample with another backend. */
function onEngine(parent: string, backend: 'slurm' | 'ray' | 'kubernetes'): string {
  const folder = join(parent, lifecycle);
  cpSync(join(root, 'samples', lifecycle), folder, { recursive: true });
  const file = join(folder, 'lifecycle.yaml');
  const text = readFileSync(file, 'utf8');
  expect(text).toContain('backend: local,');
  writeFileSync(file, text.replace('backend: local,', `backend: ${backend},`));
  return folder;
}
