import type { Verdict } from '../../../domain/decision/verdict';
import { brokenDataOf } from '../../../domain/retraining/broken-data';

const passed: Verdict = { kind: 'passed', reasons: [] };
const failed: Verdict = {
  kind: 'failed',
  reasons: [
    { gate: 'contract', code: 'contract.rows', message: 'weather: rows: 700', outcome: 'passed' },
    { gate: 'contract', code: 'contract.nulls', message: 'weather: nulls of temp: 30 %' },
  ],
};
const datasets = {
  flights: { dataset: 'delay.flights', version: 4 },
  weather: { dataset: 'delay.weather', version: 7 },
};

test('names the version that failed its contract, with the broken rule', () => {
  const contracts = { flights: { verdict: passed }, weather: { verdict: failed } };
  expect(brokenDataOf({ datasets, contracts })).toEqual({
    name: 'delay.weather@7',
    problem: 'weather: nulls of temp: 30 %',
  });
});

test('is null if no contract failed, and also if one could not be measured', () => {
  const inconclusive: Verdict = { kind: 'inconclusive', reasons: [] };
  const contracts = { flights: { verdict: passed }, weather: { verdict: inconclusive } };
  expect(brokenDataOf({ datasets, contracts })).toBeNull();
  expect(brokenDataOf({ datasets, contracts: {} })).toBeNull();
});
