import type { Verdict } from '../../../domain/verdict';
import { findBrokenData } from '../../../domain/retraining/broken-data';

const passed: Verdict = { kind: 'passed', reasons: [] };
const failed: Verdict = {
  kind: 'failed',
  reasons: [
    { gate: 'contract', code: 'contract.rows', message: 'weather: rows: 700', outcome: 'passed' },
    { gate: 'contract', code: 'contract.quarantine', message: 'weather: 30 % of rows are bad' },
  ],
};
const check = { passed: true, observed: '', expected: '' };
const report = {
  checks: [
    { ...check, check: 'quarantine', column: null, badRows: 305 },
    { ...check, check: 'range', column: 'wind', badRows: 5 },
    { ...check, check: 'nulls', column: 'temp', badRows: 300 },
  ],
};
const datasets = {
  flights: { dataset: 'delay.flights', version: 4 },
  weather: { dataset: 'delay.weather', version: 7 },
};

test('names the version that failed its contract, with the rule and the worst column', () => {
  const contracts = {
    flights: { verdict: passed, report: { checks: [] } },
    weather: { verdict: failed, report },
  };
  expect(findBrokenData({ datasets, contracts })).toEqual({
    name: 'delay.weather@7',
    problem: 'weather: 30 % of rows are bad; most of them: nulls of temp (300 rows)',
  });
});

test('is null if no contract failed, and also if one could not be measured', () => {
  const inconclusive: Verdict = { kind: 'inconclusive', reasons: [] };
  const contracts = {
    flights: { verdict: passed, report },
    weather: { verdict: inconclusive, report },
  };
  expect(findBrokenData({ datasets, contracts })).toBeNull();
  expect(findBrokenData({ datasets, contracts: {} })).toBeNull();
});
