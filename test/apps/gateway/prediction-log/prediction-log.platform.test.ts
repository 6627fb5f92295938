import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatewayDefaults } from '../../../../apps/gateway/config';
import { openJournal } from '../../../../apps/gateway/prediction-log/journal';
import { startPredictionLog } from '../../../../apps/gateway/prediction-log/prediction-log';
import { openSpill } from '../../../../apps/gateway/prediction-log/spill';
import { newId } from '../../../../db/ids';
import type { PredictionRow } from '../../../../db/serving/prediction-records';
import type { PredictionId } from '../../../../domain/ids';
import { openTestRegistry, tenant } from '../../../db/registry-fixture';

test('2,000 rows that PostgreSQL refuses are dropped one by one without delaying later rows', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-log-'));
  const opened = await openTestRegistry();
  const { registry } = opened;
  await registry.predictions.ensurePartitions({ days: 1 });
  const lost: string[] = [];
  const spill = await openSpill<PredictionRow>({
    folder,
    segmentBytes: 1 << 20,
    maxBytes: 1 << 26,
    orphanSeconds: 20,
    onLost: () => undefined,
  });
  const written: number[] = [];
  const log = startPredictionLog({
    predictions: registry.predictions,
    spill,
    journal: openJournal({
      folder: spill.folder,
      segmentBytes: gatewayDefaults.log.segmentBytes,
      orphanSeconds: 20,
      onError: () => undefined,
    }),
    limits: gatewayDefaults.log,
    onWritten: (rows) => written.push(rows),
    onSpilled: () => undefined,
    onLost: (rows, reason) => lost.push(...Array.from({ length: rows }, () => reason)),
    onState: () => undefined,
    onDiskError: () => undefined,
    onError: () => undefined,
  });
  const stored = () => written.reduce((sum, rows) => sum + rows, 0);
  try {
    for (let each = 0; each < 2_000; each += 1) log.add(row({ eventTime: '0000-01-01T00:00:00Z' }));
    for (let each = 0; each < 500; each += 1) log.add(row({}));
    while (stored() < 500) await new Promise((again) => setTimeout(again, 10));
    // Nine of ten bad rows are still to be tried.
    expect(lost.length).toBeLessThan(200);
    await log.stop();
    expect({
      stored: stored(),
      refused: lost.filter((reason) => reason === 'refused').length,
    }).toEqual({ stored: 500, refused: 2_000 });
  } finally {
    await log.stop();
    await spill.close();
    await opened.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

function row(over: Partial<PredictionRow>): PredictionRow {
  return {
    tenant,
    id: newId('pred') as PredictionId,
    receivedAt: new Date().toISOString(),
    model: 'flight-delay',
    version: 1,
    arm: 'champion',
    entity: null,
    eventTime: null,
    input: { distance: 1 },
    output: { score: 0.5 },
    latencyMs: 1,
    rollout: null,
    other: null,
    ...over,
  };
}
