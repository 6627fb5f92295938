import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewayProcess } from '../../support/process/gateway-process';
import { startGatewayProcess } from '../../support/process/gateway-process';
import { migratedDatabase, testBucket } from '../../support/platform';
import { distanceModel, distanceRequest } from '../../support/serving/served-models';
import { openServingWorld, type ServingWorld } from '../../support/serving/serving-world';
import { cliAgainst } from '../cli/fake-api';

let folder: string;
let database: Awaited<ReturnType<typeof migratedDatabase>>;
let world: ServingWorld;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-full-disk-'));
  database = await migratedDatabase();
  const s3 = testBucket();
  world = await openServingWorld(database.url, s3);
  await world.promote(await world.register(distanceModel(1)));
  gateway = await startGatewayProcess({
    databaseUrl: database.url,
    s3,
    stateDir: folder,
    // Each write to this device fails with ENOSPC.
    stderr: '/dev/full',
  });
});
afterAll(async () => {
  await gateway.stop();
  await world.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

test('a gateway whose log is on a full disk answers, raises an alarm, and can stop', async () => {
  for (let request = 0; request < 20; request += 1) {
    const answer = await fetch(`${gateway.url}/v2/models/flight-delay/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.viewer}` },
      body: JSON.stringify(distanceRequest([{ carrier: 'AA', distance: 0 }])),
    });
    expect(answer.status).toBe(200);
  }
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  const dropped = Number(/^perennial_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1]);
  expect(dropped).toBeGreaterThan(0);

  const settings = { apiUrl: null, apiKey: null, gatewayUrl: gateway.url };
  const { stdout, stderr } = await cliAgainst(settings, ['doctor']);
  expect(stdout).toMatch(/wrong +logs +lines dropped since the start: gateway \d+\n/);
  expect(stderr).toContain('next: logs: free space on the disk that receives the log');

  await gateway.stop();
  expect(gateway.exitCode()).toBe(0);
});
