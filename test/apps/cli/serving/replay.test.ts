import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReplayGateway } from '../../../../apps/cli/serving/replay/gateway';
import { replay } from '../../../../apps/cli/serving/replay/replay';
import type { ReplayRow } from '../../../../apps/cli/serving/replay/rows';
import { withReplayRows } from '../../../../apps/cli/serving/replay/rows';
import type { TimedDataSpec } from '../../../../apps/cli/serving/replay/rows';

const start = Date.parse('2013-08-01T00:00:00Z');
const hour = 3_600_000;

interface Told {
  readonly what: 'ask' | 'label';
  readonly id: string;
  readonly wallMs: number;
  readonly labelledAt?: string;
}

/** A fake gateway that records each request and label with its time. */
function recorder(
  answer: (row: ReplayRow) => Promise<void> = () => Promise.resolve(),
): ReplayGateway & { readonly told: Told[] } {
  const told: Told[] = [];
  const startedAt = performance.now();
  const now = (): number => performance.now() - startedAt;
  return {
    told,
    infer: async (row) => {
      const id = String(row.columns['id']);
      told.push({ what: 'ask', id, wallMs: now() });
      await answer(row);
      return { predictionId: id, version: 'm@1' };
    },
    feedback: (labels) => {
      for (const { predictionId, labelledAt } of labels)
        told.push({ what: 'label', id: predictionId, wallMs: now(), labelledAt });
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

function hourly(
  count: number,
  label: (index: number) => boolean | null = () => true,
): readonly ReplayRow[] {
  return Array.from({ length: count }, (_, index) => ({
    at: start + index * hour,
    columns: { id: String(index) },
    label: label(index),
  }));
}

async function* inBatches(
  rows: readonly ReplayRow[],
  size = 7,
): AsyncGenerator<readonly ReplayRow[]> {
  for (let from = 0; from < rows.length; from += size)
    yield await Promise.resolve(rows.slice(from, from + size));
}

function run(
  gateway: ReplayGateway,
  rows: readonly ReplayRow[],
  options: {
    readonly speed: number;
    readonly signal?: AbortSignal;
    readonly beforeBatch?: () => Promise<void>;
  },
) {
  return replay({
    batches: inBatches(rows),
    gateway,
    from: start,
    labelDelayMs: 12 * hour,
    parallel: 4,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...options,
  });
}

describe('a replay', () => {
  test('stands still before a batch for as long as it is asked to', async () => {
    const gateway = recorder();
    let batches = 0;
    // Twenty hours of event time would pass in the 400 ms, if its clock did not stand still.
    const end = await run(gateway, hourly(21), {
      speed: hour / 20,
      beforeBatch: async () => {
        batches += 1;
        if (batches === 2) await new Promise((resolve) => setTimeout(resolve, 400));
      },
    });
    expect(batches).toBe(3);
    const [before, after] = ['6', '7'].map((id) => gateway.told.find((told) => told.id === id));
    expect((after?.wallMs ?? 0) - (before?.wallMs ?? 0)).toBeGreaterThanOrEqual(400);
    expect(end.lagMs).toBeLessThan(200);
    expect(gateway.told.filter(({ what }) => what === 'label')).toHaveLength(21);
  });

  test('sends requests in order at their relative times, and each label when it is due', async () => {
    const gateway = recorder();
    // 24 hours in 480 ms: an hour is 20 ms, and labels are known 240 ms after their request.
    const end = await run(gateway, hourly(24), { speed: hour / 20 });
    const asked = gateway.told.filter(({ what }) => what === 'ask');
    expect(asked.map(({ id }) => id)).toEqual(hourly(24).map(({ columns }) => columns['id']));
    expect(asked.at(-1)?.wallMs).toBeGreaterThanOrEqual(23 * 20 - 5);
    const labels = gateway.told.filter(({ what }) => what === 'label');
    expect(labels).toHaveLength(24);
    for (const { id, wallMs, labelledAt } of labels) {
      expect(wallMs).toBeGreaterThanOrEqual((Number(id) + 12) * 20 - 5);
      expect(labelledAt).toBe(new Date(start + (Number(id) + 12) * hour).toISOString());
    }
    expect(end).toMatchObject({
      requests: 24,
      labels: 24,
      failed: 0,
      answeredBy: { 'm@1': 24 },
      firstFailure: null,
    });
  });

  test('sends all labels and ends when an earlier request is answered last', async () => {
    let answerSlow = (): void => undefined;
    const gateway = recorder(
      ({ columns }) =>
        new Promise((done) => {
          if (columns['id'] === '22') answerSlow = done;
          else setTimeout(done, 1);
          if (columns['id'] === '23') setTimeout(() => answerSlow(), 40);
        }),
    );
    const end = await run(gateway, hourly(24), { speed: hour / 20 });
    expect(end).toMatchObject({ requests: 24, labels: 24 });
    const labels = gateway.told.filter(({ what }) => what === 'label').map(({ id }) => id);
    expect(labels.slice(-2)).toEqual(['22', '23']);
  });

  test('with speed max still sends no label before it is due', async () => {
    const gateway = recorder();
    const end = await run(gateway, hourly(500), { speed: Infinity });
    expect(end).toMatchObject({ requests: 500, labels: 500 });
    // At real time it would take weeks.
    expect(end.seconds).toBeLessThan(5);
    let reached = -Infinity;
    for (const { what, id } of gateway.told) {
      if (what === 'ask') reached = Math.max(reached, Number(id));
      // After the last request, time goes on by itself.
      else if (reached < 499) expect(Number(id) + 12).toBeLessThanOrEqual(reached + 1);
    }
  });

  test('requests predictions for rows without a label, and sends no label for them', async () => {
    const end = await run(
      recorder(),
      hourly(20, (index) => (index % 2 === 0 ? null : false)),
      { speed: Infinity },
    );
    expect(end).toMatchObject({ requests: 20, labels: 10 });
  });

  test('counts failed requests and continues', async () => {
    const gateway = recorder(({ columns }) =>
      columns['id'] === '3' ? Promise.reject(new Error('503: away')) : Promise.resolve(),
    );
    const end = await run(gateway, hourly(10), { speed: Infinity });
    expect(end).toMatchObject({ requests: 10, failed: 1, labels: 9, firstFailure: '503: away' });
  });

  test('never has more requests in progress than allowed', async () => {
    let now = 0;
    let most = 0;
    const gateway = recorder(async () => {
      most = Math.max(most, (now += 1));
      await new Promise((resolve) => setTimeout(resolve, 2));
      now -= 1;
    });
    await run(gateway, hourly(40), { speed: Infinity });
    expect(most).toBe(4);
  });

  test('stops on request, after the requests in progress', async () => {
    const ended = new AbortController();
    const gateway = recorder(({ columns }) => {
      if (columns['id'] === '0') ended.abort();
      return Promise.resolve();
    });
    const end = await run(gateway, hourly(1000), { speed: 1, signal: ended.signal }).catch(
      (error: unknown) => error,
    );
    // At real time the second request would come after an hour.
    expect(end).toMatchObject({ requests: 1 });
  }, 5_000);
});

describe('its rows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-replay-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('are the assembled rows of the window, in order of time, with separate labels', async () => {
    writeFileSync(
      join(folder, 'orders.csv'),
      'ordered_at,shop,n,late\n2013-08-02T00:00:00Z,b,2,true\n2013-08-01T00:00:00Z,a,1,\n2013-09-01T00:00:00Z,c,3,false\n',
    );
    const data = {
      sources: [
        { name: 'orders', uri: `file://${folder}/orders.csv`, format: 'csv', time: 'ordered_at' },
      ],
      assemble: 'assemble.sql',
      label: { column: 'late', availableAfterSeconds: 0, dependsOnPrediction: false },
      time: {
        column: 'ordered_at',
        window: { months: 1, seconds: 0 },
        until: 'latest',
        timezone: 'UTC',
      },
      entity: null,
      maxBytes: 1e6,
      timeoutSeconds: 30,
    } as unknown as TimedDataSpec;
    const read = await withReplayRows(
      {
        data,
        assembleSql: 'SELECT ordered_at, shop, n, late FROM orders',
        window: { from: '2013-08-01T00:00:00Z', until: '2013-09-01T00:00:00Z' },
        samplesDir: folder,
        stateDir: join(folder, 'state'),
        cwd: folder,
        scratchRoot: folder,
        signal: new AbortController().signal,
      },
      async ({ count, batches }) => {
        const rows: ReplayRow[] = [];
        for await (const batch of batches()) rows.push(...batch);
        return { count, rows };
      },
    );
    expect(read).toEqual({
      count: 2,
      rows: [
        {
          at: start,
          columns: { ordered_at: '2013-08-01T00:00:00.000Z', shop: 'a', n: 1 },
          label: null,
        },
        {
          at: start + 24 * hour,
          columns: { ordered_at: '2013-08-02T00:00:00.000Z', shop: 'b', n: 2 },
          label: true,
        },
      ],
    });
  });
});
