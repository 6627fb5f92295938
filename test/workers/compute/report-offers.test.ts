import { readEngines } from '../../../workers/compute/engine-settings';
import { reportOffers } from '../../../workers/compute/report-offers';
import type { ComputeOfferRepository } from '../../../db/training/compute-offer-repository';
import { openLog } from '../../../workers/log';

type Report = Parameters<ComputeOfferRepository['report']>[0];

describe('a worker', () => {
  test('reports its backends, also one that does not respond, and leaves when it stops', async () => {
    const reports: Report[] = [];
    const left: string[] = [];
    let reported = (): void => undefined;
    const first = new Promise<void>((resolve) => (reported = resolve));
    const computeOffers: ComputeOfferRepository = {
      report(report) {
        reports.push(report);
        reported();
        return Promise.resolve();
      },
      live: () => Promise.resolve([]),
      leave: ({ worker }) => Promise.resolve(void left.push(worker)),
    };
    // Nothing listens on this port.
    const engines = readEngines({ PERENNIAL_RAY_URL: 'http://127.0.0.1:9' });
    const loop = reportOffers({ computeOffers }, { engines }, openLog('test', 'silent'));
    await first;
    await loop.stop();
    expect(reports).toHaveLength(1);
    expect(reports[0]?.offers).toMatchObject([
      { backend: 'local', nodes: [{ count: 1, cpus: null }] },
      { backend: 'ray', nodes: null },
    ]);
    expect(left).toEqual([reports[0]?.worker]);
  });
});
