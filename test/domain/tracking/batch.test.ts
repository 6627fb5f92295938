import { applyBatch, trackingLimits } from '../../../domain/tracking/batch';
import type { MetricPoint, TrackedRun } from '../../../domain/tracking/tracking';

const run: TrackedRun = {
  id: 'r1',
  experimentId: '0',
  name: '',
  userId: 'ada',
  status: 'RUNNING',
  startTimeMs: 1,
  endTimeMs: null,
  stage: 'active',
  params: { C: '1' },
  tags: { team: 'a' },
  metrics: {},
  datasetInputs: [],
  modelInputs: [],
  modelOutputs: [],
};
const point = (value: number, step: number, timestampMs = 1): MetricPoint => ({
  key: 'loss',
  value,
  step,
  timestampMs,
});

describe('a batch of a tracked run', () => {
  test('adds params, replaces tags, and applied twice changes nothing more', () => {
    const batch = { params: { C: '1', depth: '2' }, tags: { team: 'b' }, metrics: [point(1, 0)] };
    const after = applyBatch(run, batch);
    expect(after).toMatchObject({ params: { C: '1', depth: '2' }, tags: { team: 'b' } });
    expect(applyBatch(after, batch)).toEqual(after);
  });

  test('cannot change a param', () => {
    expect(() => applyBatch(run, { params: { C: '2' } })).toThrow(
      'param `C` of r1 is "1" and cannot change',
    );
  });

  test.each([
    ['the latest step', [point(3, 2), point(1, 5), point(2, 4)], 1],
    ['the latest time within a step', [point(1, 1, 9), point(2, 1, 7)], 1],
    ['the largest value at one time', [point(1, 1), point(4, 1), point(2, 1)], 4],
  ])('shows the metric at %s', (_, metrics, value) => {
    expect(applyBatch(run, { metrics }).metrics['loss']?.value).toBe(value);
  });

  test('keeps each link once', () => {
    const batch = { modelOutputs: [{ model_id: 'm-1' }] };
    expect(applyBatch(applyBatch(run, batch), batch).modelOutputs).toHaveLength(1);
  });

  test('is refused by a deleted run, and beyond the limits', () => {
    expect(() => applyBatch({ ...run, stage: 'deleted' }, {})).toThrow('the run r1 is deleted');
    const many = Object.fromEntries(
      Array.from({ length: trackingLimits.keys }, (_, index) => [`k${index}`, '']),
    );
    expect(() => applyBatch(run, { params: many })).toThrow('more than 2000 params');
    expect(() => applyBatch(run, { tags: { a: 'x'.repeat(trackingLimits.bytes) } })).toThrow(
      '4 MiB',
    );
  });
});
