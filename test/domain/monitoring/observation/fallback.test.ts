import { defaultMonitor } from '../../../../domain/lifecycle/sections/monitor-spec';
import type { MonitorSettings } from '../../../../domain/monitoring/monitor';
import type { ObservedVersion } from '../../../../domain/monitoring/observation/champion-reference';
import {
  addComparedLabels,
  fallbackResult,
  type ComparedLabel,
} from '../../../../domain/monitoring/observation/fallback';
import {
  beginFallback,
  isFallbackDue,
} from '../../../../domain/monitoring/observation/fallback-state';
import { seededRandom } from '../../../../domain/statistics/random';

const settings: MonitorSettings = {
  ...defaultMonitor,
  fallback: 'previous',
  task: 'classification',
  metric: 'logloss',
  timezone: 'UTC',
  availableAfterSeconds: 0,
  service: { maxFailed: 0.01, latency: null },
};
const noReference = { traffic: null, skipped: [], quality: null, calibration: null };
const version: ObservedVersion = {
  settings,
  reference: { ...noReference, loss: { rows: 1000, loss: 0.5, bound: 6.9 } },
};
const begun = beginFallback({
  former: 1,
  since: '2024-01-01T00:00:00Z',
  monitoredAt: '2026-01-01T00:00:00Z',
});

/** Labels that come true with the probability `p`. */
function labels(
  count: number,
  seed: number,
  outputs: (p: number, noise: number) => { readonly champion: number; readonly former: number },
): readonly ComparedLabel[] {
  const random = seededRandom([seed, 1, 2, 3]);
  return Array.from({ length: count }, () => {
    const p = 0.1 + 0.8 * random();
    const { champion, former } = outputs(p, random());
    return {
      at: '2024-01-02T00:00:00Z',
      label: random() < p,
      output: { score: champion },
      formerOutput: { score: former },
    };
  });
}

test('a former champion that is much better on the same labels is shown to be better', () => {
  const state = addComparedLabels(
    begun,
    version,
    labels(400, 1, (p) => ({ champion: 1 - p, former: p })),
  );
  const result = fallbackResult(state, version);
  expect(result).toMatchObject({ former: 1, n: 400, needed: 0.035, isBetter: true });
  expect(result.lower).toBeGreaterThan(0.035);
  expect(result.lower).toBeLessThan(result.difference ?? 0);
});

test('an equal or a slightly better former champion does not serve again, at any look', () => {
  for (const gain of [0, 0.02]) {
    for (let seed = 1; seed <= 20; seed += 1) {
      let state = begun;
      // Both err by as much; with a gain, the champion errs a little more.
      const rows = labels(2000, seed, (p, noise) => ({
        champion: Math.min(0.98, Math.max(0.02, p + (noise - 0.5) * 0.3 + gain)),
        former: Math.min(0.98, Math.max(0.02, p - (noise - 0.5) * 0.3)),
      }));
      for (let from = 0; from < rows.length; from += 100) {
        state = addComparedLabels(state, version, rows.slice(from, from + 100));
        expect(fallbackResult(state, version).isBetter).toBe(false);
      }
    }
  }
});

test('the batches do not matter, and labels that the metric cannot use are left out', () => {
  const rows = labels(90, 5, (p) => ({ champion: 1 - p, former: p }));
  const unusable = {
    at: '2024-01-02T00:00:00Z',
    output: { score: 0.5 },
    formerOutput: { score: 0.5 },
  };
  const parts = addComparedLabels(
    addComparedLabels(begun, version, [...rows.slice(0, 40), { ...unusable, label: 'late' }]),
    version,
    rows.slice(40),
  );
  expect(parts).toEqual(addComparedLabels(begun, version, rows));
});

test('multiclass and mae are compared by their own losses', () => {
  const classes: ObservedVersion = { ...version, settings: { ...settings, task: 'multiclass' } };
  const prediction = (right: number) => ({
    class: right > 0.5 ? 'calm' : 'gale',
    probabilities: { calm: right, gale: 1 - right },
  });
  const gale = {
    at: '2024-01-02T00:00:00Z',
    label: { references: ['calm'] },
    output: prediction(0.2),
    formerOutput: prediction(0.9),
  };
  const ofClasses = fallbackResult(
    addComparedLabels(
      begun,
      classes,
      Array.from({ length: 300 }, () => gale),
    ),
    classes,
  );
  expect(ofClasses).toMatchObject({ isBetter: true });
  expect(ofClasses.difference).toBeCloseTo(Math.log(0.9 / 0.2));

  const numbers: ObservedVersion = {
    settings: { ...settings, task: 'regression', metric: 'mae' },
    reference: { ...noReference, loss: { rows: 1000, loss: 10, bound: 100 } },
  };
  const far = { at: gale.at, label: 50, output: { score: 80 }, formerOutput: { score: 55 } };
  const ofNumbers = fallbackResult(
    addComparedLabels(
      begun,
      numbers,
      Array.from({ length: 300 }, () => far),
    ),
    numbers,
  );
  expect(ofNumbers).toMatchObject({ difference: 25, needed: 0.7000000000000001, isBetter: true });
});

test('only an alarm of quality asks for it, and only with the setting', () => {
  expect(isFallbackDue(settings, [{ kind: 'drift' }, { kind: 'quality' }])).toBe(true);
  expect(isFallbackDue(settings, [{ kind: 'drift' }])).toBe(false);
  expect(isFallbackDue({ fallback: 'none' }, [{ kind: 'quality' }])).toBe(false);
});

test('a label of a class that neither version knows is left out', () => {
  const classes: ObservedVersion = { ...version, settings: { ...settings, task: 'multiclass' } };
  const unknown = {
    at: '2024-01-02T00:00:00Z',
    label: { references: ['storm'] },
    // The probabilities of a graph need not sum to exactly 1.
    output: { class: 'gale', probabilities: { calm: 0.2, gale: 0.8 } },
    formerOutput: { class: 'gale', probabilities: { calm: 0.2000001, gale: 0.8000001 } },
  };
  expect(addComparedLabels(begun, classes, [unknown]).pairs.n).toBe(0);
});
