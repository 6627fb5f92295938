import type { RetrainingJson } from '../../../../apps/api/retraining/view';
import { describeRetraining } from '../../../../apps/cli/retraining/view';

const plain = (text: string) => text;
const paint = { bold: plain, dim: plain, green: plain, red: plain, yellow: plain };
const ready: RetrainingJson = {
  lifecycle: 'flight-delay',
  status: 'ready',
  triggers: { onAlarm: 'retrain', events: ['com.example.landed'], newData: true, schedule: null },
  cooldownSeconds: 86_400,
  runStrategy: 'queue',
  maxFailures: 3,
  fruitless: 0,
  alarmRuns: { fruitless: 0, notBefore: null, stop: null },
  run: null,
  startedAt: null,
  notBefore: null,
  queued: null,
  hold: null,
  stop: null,
  budget: null,
};
const shown = (changes: Partial<RetrainingJson>) =>
  describeRetraining({ ...ready, ...changes }, paint);

test('names the triggers and the rules', () => {
  expect(shown({})).toContain('ready: the next trigger starts a run');
  expect(shown({})).toContain(
    'triggers: alarms of the monitor, event com.example.landed, new data',
  );
  expect(shown({})).toContain('cool-down 1d, run strategy queue');
});

test('says what is broken and how the hold ends', () => {
  const hold = {
    data: 'delay.flights@3',
    problem: 'nulls of distance: 12 %',
    isSuspected: false,
    until: '2026-01-09T00:00:00Z',
    alarm: null,
  };
  const byContract = shown({
    status: 'held',
    hold: { ...hold, shownBy: 'contract', incident: 'inc_1' },
    queued: { kind: 'event', reason: 'event landed 7' },
  });
  expect(byContract).toContain('ends at 2026-01-09T00:00:00Z at the latest');
  expect(byContract).toContain('delay.flights@3: nulls of distance: 12 %');
  expect(byContract).toContain(
    'ends with the next event or the next version of the data, or: perennial incident resolve inc_1 --reason',
  );
  expect(byContract).toContain('waits: a run for event landed 7');
  const triggers = { ...ready.triggers, events: [], newData: false };
  const byPerson = shown({
    status: 'held',
    triggers,
    hold: { ...hold, shownBy: 'contract', incident: 'inc_1' },
  });
  expect(byPerson).toContain(
    'nothing starts a run on new data; repair them, then: perennial incident resolve inc_1 --reason',
  );
  const byAlarm = shown({ status: 'held', hold: { ...hold, shownBy: 'alarm', incident: 'inc_1' } });
  expect(byAlarm).toContain('ends by itself when the alarm of the monitor ends');
  const alarm = {
    data: 'request data of distance',
    problem: 'it is missing.',
    isSuspected: false,
    until: null,
  };
  const byBoth = shown({
    status: 'held',
    hold: { ...hold, shownBy: 'contract', incident: 'inc_1', alarm },
  });
  expect(byBoth).toContain('delay.flights@3: nulls of distance: 12 %');
  expect(byBoth).toMatch(
    /request data of distance: it is missing\.\n +also holds the runs until the alarm of the monitor/,
  );
});

test('says that the hold by a jump ends before the alarm does', () => {
  const jump = {
    data: 'request data of distance',
    problem: 'it jumped.',
    isSuspected: true,
    until: null,
  };
  const suspected = shown({
    status: 'held',
    hold: { ...jump, shownBy: 'alarm', incident: 'inc_1', alarm: null },
  });
  expect(suspected).toContain(
    'ends by itself when the jump has lasted for a day, or when its alarm ends',
  );
  expect(suspected).not.toContain('when the alarm of the monitor ends');
  const data = {
    data: 'delay.flights@3',
    problem: 'nulls of distance: 12 %',
    isSuspected: false,
    until: null,
  };
  const both = shown({
    status: 'held',
    hold: { ...data, shownBy: 'contract', incident: 'inc_1', alarm: jump },
  });
  expect(both).toMatch(
    /it jumped\.\n +also holds the runs until the jump has lasted for a day, or until its alarm ends/,
  );
});

test('says when the cool-down ends, why the runs stopped, and what the budget leaves', () => {
  const coolingDown = shown({
    status: 'coolingDown',
    notBefore: '2026-01-02T00:00:00Z',
    fruitless: 2,
  });
  expect(coolingDown).toMatch(/starts at 2026-01-02T00:00:00Z or later; the wait doubled/);
  expect(shown({ status: 'stopped', fruitless: 3, stop: { incident: 'inc_2' } })).toContain(
    'perennial incident resolve inc_2',
  );
  const limits = [{ unit: 'cpuHours', limit: 200, spent: 12.5 }];
  expect(shown({ budget: { period: 'month', limits } })).toContain(
    'budget of this month: 12.5 of 200 CPU-hours',
  );
});

test('says that alarms alone start no run, and what ends that', () => {
  const text = shown({
    alarmRuns: { fruitless: 3, notBefore: null, stop: { incident: 'inc_3' } },
  });
  expect(text).toContain('ready: the next trigger starts a run');
  expect(text).toContain(
    'alarms start no run until another run releases a version, or: perennial incident resolve inc_3',
  );
  expect(text).toContain('runs for alarms without a better model: 3 of 3');
});
