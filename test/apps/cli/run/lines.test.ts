import { Writable } from 'node:stream';
import { openRunLines } from '../../../../apps/cli/run/lines';
import { openTerminal } from '../../../../apps/cli/terminal';

const { paint } = openTerminal({ stdout: new Writable(), stderr: new Writable(), noColor: true });

test('a line reports an unavailable provider with its start, what continues meanwhile, and when it is back', () => {
  const linesOf = openRunLines(paint);
  const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`;
  const [provider, job, since] = ['acme', 'ftjob-1', '2026-01-01T00:00:00.000Z'];
  const away = {
    provider,
    job,
    since,
    reason: 'provider acme: connection refused (ECONNREFUSED)',
    patienceSeconds: 14_400,
  };
  const lines = [
    ...linesOf({ seq: 1, kind: 'provider.away', stage: 'fine-tune', data: away, at: at(1) }),
    ...linesOf({
      seq: 2,
      kind: 'provider.back',
      stage: 'fine-tune',
      data: { provider, job, since },
      at: at(9),
    }),
  ];
  expect(lines).toEqual([
    `00:00:01  fine-tune acme is unavailable since ${since}: provider acme: connection refused (ECONNREFUSED); its job ftjob-1 continues, retrying for 4h in total`,
    `00:00:09  fine-tune acme is available again; it was unavailable since ${since}`,
  ]);
});

test('a provider that becomes unavailable before it accepts the job has no job that continues', () => {
  const data = {
    provider: 'acme',
    since: '2026-01-01T00:00:00.000Z',
    reason: 'status 503',
    patienceSeconds: 60,
  };
  const [line] = openRunLines(paint)({
    seq: 1,
    kind: 'provider.away',
    stage: 'fine-tune',
    data,
    at: '2026-01-01T00:00:01.000Z',
  });
  expect(line).toContain('status 503; it has not accepted the job, retrying');
});

test('lines report the progress of an evaluation: cases asked, unanswered and from the ledger', () => {
  const linesOf = openRunLines(paint);
  const asked = (seq: number, second: number, data: object) =>
    linesOf({
      seq,
      kind: 'evaluation.progress',
      stage: 'evaluate',
      data: { ...data },
      at: `2026-01-01T00:00:0${second}.000Z`,
    });
  expect(asked(1, 0, { asked: 12, of: 240, unanswered: 0, fromLedger: 0 })).toEqual([
    '00:00:00  evaluate  12 of 240 cases asked',
  ]);
  expect(asked(2, 0, { asked: 13, of: 240, unanswered: 0, fromLedger: 0 })).toEqual([]);
  expect(asked(3, 9, { asked: 90, of: 240, unanswered: 2, fromLedger: 40 })).toEqual([
    '00:00:09  evaluate  90 of 240 cases asked, 2 without an answer, 40 from the call ledger',
  ]);
});

test('lines report the progress of finding passages for examples', () => {
  const data = { found: 1_200, of: 20_000, index: 'wiki' };
  const lines = openRunLines(paint)({
    seq: 1,
    kind: 'examples.progress',
    stage: 'fine-tune',
    data,
    at: '2026-01-01T00:00:00.000Z',
  });
  expect(lines).toEqual(['00:00:00  fine-tune passages of wiki found for 1200 of 20000 examples']);
});

test('lines name the qualified standbys, and the others with the reason', () => {
  const linesOf = openRunLines(paint);
  const at = '2026-01-01T00:00:01.000Z';
  const told = (data: Readonly<Record<string, unknown>>) =>
    linesOf({ seq: 1, kind: 'standby.judged', stage: 'evaluate', data, at });
  const good = {
    provider: 'acme',
    model: 'small',
    kind: 'qualified',
    cases: 120,
    evidence: 'sha256:a',
  };
  expect(told(good)).toEqual([
    '00:00:01  evaluate  acme small is a standby: it passed the same gates on 120 cases',
  ]);
  const bad = {
    ...good,
    kind: 'refused',
    verdict: 'failed',
    reason: 'useful: right 0.2, minimum 0.4',
  };
  expect(told(bad)).toEqual([
    '00:00:01  evaluate  acme small is not a standby: failed on 120 cases, useful: right 0.2, minimum 0.4',
  ]);
  const away = {
    provider: 'acme',
    model: 'small',
    kind: 'notMeasured',
    reason: 'acme does not accept the key',
  };
  expect(told(away)).toEqual([
    '00:00:01  evaluate  acme small is not a standby: it was not measured: acme does not accept the key',
  ]);
});

test('lines report the progress of a map, and the metrics of a stage', () => {
  const lines = openRunLines(paint);
  const event = (kind: string, data: Readonly<Record<string, unknown>>) =>
    lines({ seq: 1, kind, stage: 'score_shop', data, at: '2026-01-01T10:00:00.000Z' });
  expect(event('stage.progress', { done: 1_200, total: 10_000, failed: 3 })).toEqual([
    '10:00:00  score_shop 1,200 of 10,000 done, 3 failed',
  ]);
  expect(event('stage.metric', { name: 'auc', value: 0.71 })).toEqual([
    '10:00:00  score_shop auc 0.71',
  ]);
});
