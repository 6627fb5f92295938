/**
 * How soon a killed gateway serves again: from its start until it is ready and until the first
 * response, in seconds of wall-clock and processor time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDeathWatch } from '../infra/death-watch';
import { distanceModel, distanceRequest } from '../test/support/serving/served-models';
import { openEmbeddedWorld } from './embedded-world';
import { median, report, rounded } from './figures';
import { processorSeconds } from './processor-seconds';

const rounds = 5;
const models = ['flight-delay', 'late-freight', 'bike-demand'];
const sql = 'SELECT lower(carrier) AS carrier, distance * 1.0 AS distance FROM request';

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const watch = openDeathWatch();
  const closers: (() => Promise<void>)[] = [];
  try {
    const world = await openEmbeddedWorld(folder, watch, closers);
    for (const model of models)
      await world.promote(await world.register({ ...distanceModel(10), model, sql }));
    const starts: { readonly ready: number; readonly answer: number; readonly cpu: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const startedAt = performance.now();
      const gateway = await world.startGateway(join(folder, `state-${round}`));
      const ready = (performance.now() - startedAt) / 1000;
      const cpu = processorSeconds(gateway.pid);
      const { status } = await fetch(`${gateway.url}/v2/models/flight-delay/infer`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${world.keys.viewer}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify(distanceRequest([{ carrier: 'AA', distance: 1 }])),
      });
      if (status !== 200) throw new Error(`the first request was answered with ${status}`);
      starts.push({ ready, answer: (performance.now() - startedAt) / 1000, cpu });
      await gateway.kill('SIGKILL');
    }
    const figures = {
      readySeconds: rounded(median(starts.map(({ ready }) => ready)), 2),
      firstAnswerSeconds: rounded(median(starts.map(({ answer }) => answer)), 2),
      cpuSecondsUntilReady: rounded(median(starts.map(({ cpu }) => cpu)), 2),
    };
    report(
      'start of a gateway',
      Object.entries(figures).map(([name, value]) => [name, `${value} s`]),
      {
        ...figures,
        rounds,
        models: models.length,
        load: loadavg()[0],
      },
    );
  } finally {
    for (const close of closers.reverse()) await close();
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
