import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statePaths } from '../../infra/state-paths';
import { pause, startProduct, type Product } from '../support/process/product';
import { writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(300_000);

let stateDir: string;
let product: Product | null = null;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'perennial-volumes-'));
});
afterEach(async () => {
  await product?.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

/** Deletes the store's bytes but not its names, as a restore of half a backup does. */
function deleteVolumes(): number {
  const data = join(statePaths(stateDir).state, 's3', 'data');
  const volumes = readdirSync(data).filter((name) => /\.(dat|idx|vif)$/.test(name));
  for (const name of volumes) rmSync(join(data, name));
  return volumes.length;
}

test('a run that needs bytes of a missing volume of the S3 store says so within 10 s', async () => {
  product = await startProduct({ stateDir });
  const write = (params: string) =>
    writeTinyLifecycle(product?.workDir ?? '', { name: 'half-restored', params });
  await product.apply(write('{}'));
  const { body: before } = await product.start('half-restored');
  expect(await product.waitForEnd(before.id)).toMatchObject({ status: 'succeeded' });
  await product.stop();

  expect(deleteVolumes()).toBeGreaterThan(0);
  product = await startProduct({ stateDir });
  await product.apply(write('{ C: 3 }'));
  const { body: after } = await product.start('half-restored');
  const begun = Date.now();
  let run = await product.run(after.id);
  while (run.waitingFor === null && Date.now() < begun + 60_000) {
    await pause(100);
    run = await product.run(after.id);
  }
  const milliseconds = Date.now() - begun;
  expect(run.status).toBe('running');
  expect(run.waitingFor).toMatch(
    /^ingest: attempt \d+ of \w+ failed: StorageUnavailable: could not read s3:.* in bucket perennial at http.*; attempt \d+/,
  );
  expect(milliseconds).toBeLessThan(10_000);
});
