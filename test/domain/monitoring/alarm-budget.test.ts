import { alarmFamilies, allowedFalseAlarms } from '../../../domain/monitoring/alarm-budget';

test('the false alarms of all families sum to those of the model', () => {
  const settings = { drift: { falseAlarmsPerYear: 2 } };
  const allowed = alarmFamilies.map((family) => allowedFalseAlarms(family, settings));
  expect(allowed.every((each) => each > 0)).toBe(true);
  expect(allowed.reduce((sum, each) => sum + each)).toBeCloseTo(2, 12);
});
