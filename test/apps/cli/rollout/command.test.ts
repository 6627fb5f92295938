import { progressLines, type RolloutJson } from '../../../../apps/cli/rollout/view';
import type { FakeApi } from '../fake-api';
import { answer, cliAgainst, openFakeApi, refuse } from '../fake-api';
import { judged, rolledBack, running } from './fixture';

let api: FakeApi;
beforeEach(async () => {
  api = await openFakeApi();
});
afterEach(() => api.close());

const serve = (...looks: readonly RolloutJson[]) => {
  let asked = 0;
  const next = (): RolloutJson => looks[Math.min(asked++, looks.length - 1)] ?? running;
  api.routes.set('GET /models/flight-delay/rollout', (_, response) =>
    answer(response, 200, looks[0] ?? running),
  );
  api.routes.set('GET /models/flight-delay/rollouts/roll_1', (_, response) =>
    answer(response, 200, next()),
  );
};

describe('rollout show', () => {
  test('fits 80 columns, and is not painted in a pipe', async () => {
    serve(running);
    const { exitCode, stdout, stderr } = await api.cli('rollout', 'show', 'flight-delay');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => Array.from(line).length > 80)).toEqual([]);
    expect(lines.filter((line) => !/[┤└]|labelled pairs$/.test(line))).toEqual([
      'flight-delay@2 beside @1  running  roll_1',
      'step 2 of 3, 5 % (shadow → 5 % → 50 %)',
      '4 days of 14d of event time, now 2013-08-05T00:00:00Z',
      '',
      'logloss of @2 minus that of @1; positive is worse',
      '',
      'open  quality  logloss −0.0038 (99.67 % CI −0.0285 … +0.0209, 2,400 pairs):',
      '               not yet below the 0.01 margin',
      'pass  errors   0 % of requests failed (0 % … 0.9 %, 300 requests):',
      '               within the 1 % limit',
      'open  rollout  logloss is not yet shown to be below the 0.01 margin',
      '',
      'ARM            SHARE  SCORED  FAILED  ASSIGNED  SLOW  DUE    LABELLED',
      'champion @1    95 %   5,900   0       5,600     12    5,000  4,720',
      'challenger @2  5 %    5,900   3       300       5     260    250',
      '',
      'needs about 2.75 days and 1,650 labels more at the current rate',
      'run run_1',
    ]);
  });

  test('of an A/B rollout shows each version with its share and its difference', async () => {
    const arm = { entities: 1_030, requests: 4_120, share: 1 / 3, stopped: false, n: 900 };
    const best = { outcome: 'passed', estimate: -0.0123, lower: -0.0285, upper: 0.0039 } as const;
    const bad = { outcome: 'failed', estimate: 0.0915, lower: 0.0121, upper: 0.1709 } as const;
    const none = { outcome: null, estimate: null, lower: null, upper: null };
    const arms = [
      { ...arm, ...best, version: 2, role: 'challenger' },
      { ...arm, ...bad, version: 5, role: 'challenger', stopped: true },
      { ...arm, ...none, version: 1, role: 'champion', entities: 940, requests: null },
    ] as const;
    serve({ ...running, method: 'ab', steps: [66.67], step: 0, arms, winner: 2 });
    const { stdout } = await api.cli('rollout', 'show', 'flight-delay');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => Array.from(line).length > 80)).toEqual([]);
    expect(lines).toContain('A/B: step 1 of 1, 66.67 % (66.67 %)');
    expect(lines.filter((line) => line.startsWith('@') || line.startsWith('VERSION'))).toEqual([
      'VERSION      PLANNED  SHARE   ENTITIES  REQUESTS  logloss − champion',
      '@2 winner    33.3 %   34.3 %  1,030     4,120     −0.0123 (−0.0285 … +0.0039)',
      '@5 stopped   33.3 %   34.3 %  1,030     4,120     +0.0915 (+0.0121 … +0.171)',
      '@1 champion  33.3 %   31.3 %  940',
    ]);
    expect(stdout).not.toContain('SCORED');
  });

  test('of a bandit shows its share, its newest moves and what it gives up', async () => {
    const items = Array.from({ length: 12 }, (_, index) => ({
      at: `2013-08-${String(index + 3).padStart(2, '0')}T04:00:00.000Z`,
      from: index === 0 ? 0.05 : 0.6 + index / 100,
      to: 0.61 + index / 100,
      probability: 0.6123 + index / 100,
      days: index + 2,
      difference: -0.0012,
    }));
    const givenUp = {
      gate: 'bandit',
      code: 'bandit.givenUp',
      message: 'given up: 67 % of entities changed version in 12 moves; shares are not tested',
      outcome: 'notApplicable',
    } as const;
    serve({
      ...running,
      method: 'bandit',
      steps: [5, 95],
      step: 0,
      weight: 0.72,
      reasons: [...running.reasons, givenUp],
      shares: { moves: 12, changedEntities: 0.67, items },
    });
    const { stdout } = await api.cli('rollout', 'show', 'flight-delay');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => Array.from(line).length > 80)).toEqual([]);
    expect(lines).toContain('bandit: a share of 72 % (between 5 % and 95 %)');
    expect(stdout).toContain('67 % of entities changed version in 12 moves');
    expect(lines.filter((line) => /^(EVENT|2013-08-05|2013-08-14|2 earlier)/.test(line))).toEqual([
      'EVENT TIME            SHARE        P(BETTER)  DAYS  logloss − champion',
      '2013-08-05T04:00:00Z  62 % → 63 %  63.2 %     4     −0.0012',
      '2013-08-14T04:00:00Z  71 % → 72 %  72.2 %     13    −0.0012',
      '2 earlier moves',
    ]);
    expect(stdout).not.toContain('2013-08-04T04');
  });

  test('of a rolled back rollout shows the failed gate and the time until traffic was back', async () => {
    serve(rolledBack);
    const { exitCode, stdout } = await api.cli('rollout', 'show', 'flight-delay');
    expect(exitCode).toBe(0);
    for (const line of [
      'flight-delay@2 beside @1  rolledBack  roll_1',
      'verdict: failed\nFAIL  quality  logloss worse by 0.21: refuted\npass  errors   kept\n',
      'all traffic was with @1 after 0.41 s',
    ])
      expect(stdout).toContain(line);
    expect(stdout).not.toContain('more\n');
  });

  test('says that labels of the challenger’s requests are missing after serving began', () => {
    const message = 'logloss: no label yet of requests that the challenger answered';
    const quality = { ...running.quality, n: 0, estimate: null, lower: null, upper: null };
    const reasons = [
      { gate: 'quality', code: 'quality.notMeasured', message, outcome: 'inconclusive' as const },
    ];
    const [first] = progressLines({ ...running, quality, reasons });
    expect(first).toBe(`step 2 of 3, 5 %: ${message}`);
  });

  test('shows the judge, its labels, and the number and cost of judged pairs', async () => {
    serve(judged);
    const { stdout } = await api.cli('rollout', 'show', 'flight-delay');
    expect(stdout.replace(/\n */g, ' ')).toContain(
      'judge sound (sha256:aaaaaaaaaaaa), sensitivity 90 %, specificity 80 %: ' +
        '1,240 pairs judged (7 without a verdict), cost $0.3142, limit 2,000 ' +
        '120 pairs labelled: champion 60 right, 52 wrong; challenger 58 right, 55 wrong ' +
        '(100 of each required) ' +
        'the judge may not decide yet: missing labels: champion 40 right, 48 wrong; ' +
        'challenger 42 right, 45 wrong ' +
        'next: perennial rollout label flight-delay',
    );
    expect(progressLines(judged)).toEqual([
      expect.stringMatching(/, 2,400 pairs$/),
      '1,240 pairs judged (7 without a verdict), cost $0.3142',
      expect.stringMatching(/^needs about 2\.75 days and 1,650 labels more at the current rate$/),
    ]);
  });

  test('says since when and why the judge fails, or why judging stopped', async () => {
    const { judge } = judged;
    if (!judge) throw new Error('the fixture has no judge');
    const shown = async (more: Partial<typeof judge>, status: typeof judged.status = 'running') => {
      serve({ ...judged, status, judge: { ...judge, ...more } });
      return (await api.cli('rollout', 'show', 'flight-delay')).stdout.replace(/\n */g, ' ');
    };
    const silence = { since: '2026-01-01T07:00:00Z', failure: 'ProviderDenied' } as const;
    const denied =
      'judge sound has failed since 2026-01-01T07:00:00Z: ' +
      'the provider rejects the API key or has no credit for it (ProviderDenied); retrying';
    expect(await shown({ silence })).toContain(denied);
    expect(progressLines({ ...judged, judge: { ...judge, silence } })).toContain(denied);
    const over = 'tenant is spent: $1 of $1; perennial budget set tenant <more>';
    expect(await shown({ over }, 'held')).toContain(`judging stopped: ${over}`);
    for (const each of [
      await shown({ silence: null, over: null }),
      await shown({ over }, 'promoted'),
    ]) {
      expect(each).not.toContain('has failed since');
      expect(each).not.toContain('judging stopped');
    }
  });

  test('of a promoted challenger names the new champion and the one before', async () => {
    serve({ ...running, status: 'promoted', endedAt: '2026-01-15T00:00:00Z' });
    const { stdout } = await api.cli('rollout', 'show', 'flight-delay');
    expect(stdout.replace(/\n */g, ' ')).toContain('; @2 became the champion in place of @1');
  });

  test('names the gateways that have not confirmed a rollback', async () => {
    serve({
      ...rolledBack,
      rollback: {
        from: 2,
        to: 1,
        secondsToFullTraffic: null,
        unconfirmed: ['http://gateway:8710'],
      },
    });
    expect((await api.cli('rollout', 'show', 'flight-delay')).stdout).toContain(
      'not confirmed by http://gateway:8710',
    );
  });

  test('of a rollout that was rolled back in shadow says that no traffic had to return', async () => {
    const { champion, challenger } = rolledBack.traffic?.total ?? {};
    if (!champion || !challenger) throw new Error('the fixture has no traffic');
    const total = { champion, challenger: { ...challenger, assigned: 0 } };
    serve({ ...rolledBack, traffic: { total } });
    const { stdout } = await api.cli('rollout', 'show', 'flight-delay');
    expect(stdout).toContain('@2 had no traffic to return');
    expect(stdout).not.toContain('all traffic was with');
  });

  test('forecasts the remaining time and labels, unless they exceed maxDuration', async () => {
    const shown = async (remaining: typeof running.remaining) => {
      serve({ ...running, remaining });
      return (await api.cli('rollout', 'show', 'flight-delay')).stdout;
    };
    expect(await shown({ observations: 1_650, seconds: 237_600 })).toContain(
      'needs about 2.75 days and 1,650 labels more at the current rate',
    );
    for (const seconds of [200 * 86_400, null])
      expect(await shown({ observations: 1_650, seconds })).toContain(
        'needs more than the remaining 10 days at the current rate',
      );
    expect(await shown({ observations: null, seconds: null })).toContain(
      'more labels alone are not enough at the current difference in logloss',
    );
    const unmeasured = { ...running.quality, n: 0, estimate: null, lower: null, upper: null };
    expect(
      progressLines({
        ...running,
        quality: unmeasured,
        remaining: { observations: null, seconds: null },
      }),
    ).toContain('needs labels before the remaining time can be forecast');
  });

  test('before any traffic says so instead of drawing a chart', async () => {
    const quality = { ...running.quality, n: 0, estimate: null, lower: null, upper: null };
    serve({
      ...running,
      step: 0,
      weight: 0,
      quality,
      reasons: [],
      remaining: null,
      traffic: null,
      history: [],
      eventNow: null,
    });
    const { stdout } = await api.cli('rollout', 'show', 'flight-delay');
    expect(stdout).toContain('no traffic yet');
    expect(stdout).toContain('no labels of both versions are due yet');
  });

  test('shows a rollout by id and as JSON, and list shows all', async () => {
    serve(running);
    api.routes.set('GET /models/flight-delay/rollouts', {
      items: [running, rolledBack],
      nextPageToken: null,
    });
    expect(
      JSON.parse(
        (await api.cli('rollout', 'show', 'flight-delay', '--id', 'roll_1', '--json')).stdout,
      ),
    ).toEqual(running);
    const list = await api.cli('rollout', 'list', 'flight-delay');
    expect(list.stdout).toMatch(
      /roll_1 +@2 +@1 +running +step 2 of 3, 5 % +2026-01-01T00:00:00Z +run_1/,
    );
    api.routes.set('GET /models/flight-delay/rollouts', { items: [], nextPageToken: null });
    expect(await api.cli('rollout', 'list', 'flight-delay')).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'flight-delay has had no rollouts; next: perennial run start flight-delay\n',
    });
  });

  test('is painted in a terminal, but not with NO_COLOR', async () => {
    serve(rolledBack);
    const show = (noColor: boolean) =>
      cliAgainst({ apiUrl: api.url, apiKey: 'pk', tty: true, noColor }, [
        'rollout',
        'show',
        'flight-delay',
      ]);
    expect((await show(false)).stdout).toContain('\u001b[31mFAIL\u001b[0m  quality');
    expect((await show(true)).stdout).not.toContain('\u001b');
  });
});

describe('rollout watch', () => {
  test.each([
    ['promoted', 0],
    ['rolledBack', 3],
    ['aborted', 3],
    ['superseded', 3],
  ] as const)('of a rollout that ends %s exits with %i', async (status, expected) => {
    serve({ ...rolledBack, status });
    expect(await api.cli('rollout', 'watch', 'flight-delay')).toMatchObject({ exitCode: expected });
  });

  test('prints one block per change in a pipe, and the rollout at the end', async () => {
    const held = { ...running, status: 'held', waitingFor: 'perennial rollout resume' } as const;
    serve(running, running, held, rolledBack);
    const { exitCode, stdout, stderr } = await api.cli('rollout', 'watch', 'flight-delay');
    expect(exitCode).toBe(3);
    const progress = 'logloss −0.0038 (−0.0285 … +0.0209), 2,400 pairs';
    const needs = '  needs about 2.75 days and 1,650 labels more at the current rate';
    expect(stderr.split('\n')).toEqual([
      `running  step 2 of 3, 5 %: ${progress}`,
      needs,
      `held  step 2 of 3, 5 % (held): ${progress}`,
      needs,
      '  waits for: perennial rollout resume',
      'rolledBack, verdict failed',
      '',
    ]);
    expect(stdout).toContain('flight-delay@2 beside @1  rolledBack');
  });

  test('redraws in a terminal', async () => {
    serve(running, rolledBack);
    const { stderr, stdout } = await cliAgainst({ apiUrl: api.url, apiKey: 'pk', tty: true }, [
      'rollout',
      'watch',
      'flight-delay',
    ]);
    expect(stderr).toMatch(/running[^]*\u001b\[\d+F\u001b\[J[^]*rolledBack/);
    expect(stdout).toBe('');
  });

  test('fails with the next command if the model has had no rollouts', async () => {
    api.routes.set('GET /models/m/rollout', (_, response) =>
      refuse(response, 404, { detail: 'm has had no rollouts', next: 'perennial run start m' }),
    );
    expect(await api.cli('rollout', 'watch', 'm')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'error: m has had no rollouts\nnext: perennial run start m\n',
    });
  });
});

describe('rollout commands', () => {
  test.each([
    ['hold', { status: 'held' }, 'flight-delay@2 is held in step 2 of 3, 5 %'],
    ['resume', { status: 'running' }, 'flight-delay@2 continues in step 2 of 3, 5 %'],
    ['resume', { status: 'passed' }, 'flight-delay@2 may be promoted'],
    ['skip', { step: 2 }, 'flight-delay@2 is in step 3 of 3, 50 %'],
    ['abort', { status: 'aborted' }, 'flight-delay@2 is aborted; @1 answers all requests'],
  ] as const)(
    '%s sends its reason and a key to the API, and prints the result: %j',
    async (verb, now, printed) => {
      api.routes.set(`POST /models/flight-delay/rollout/${verb}`, { ...running, ...now });
      expect(await api.cli('rollout', verb, 'flight-delay', '--reason', 'a look')).toEqual({
        exitCode: 0,
        stdout: '',
        stderr: `${printed}\n`,
      });
      expect(api.asked).toMatchObject([
        {
          body: { reason: 'a look' },
          headers: { 'idempotency-key': expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
        },
      ]);
    },
  );

  test('extend accepts a duration of event time', async () => {
    const extended = { ...running, test: { ...running.test, extendedSeconds: 259_200 } };
    api.routes.set('POST /models/flight-delay/rollout/extend', extended);
    const { exitCode, stdout, stderr } = await api.cli(
      'rollout',
      'extend',
      'flight-delay',
      '3d',
      '--idempotency-key',
      'k',
      '--json',
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: 'flight-delay@2 now has 17d of event time\n',
    });
    expect(JSON.parse(stdout)).toEqual(extended);
    expect(api.asked).toMatchObject([
      { body: { seconds: 259_200 }, headers: { 'idempotency-key': 'k' } },
    ]);
    for (const wrong of ['3', '-1d', '1mo', '0d', 'long']) {
      expect(await api.cli('rollout', 'extend', 'flight-delay', wrong)).toMatchObject({
        exitCode: 2,
      });
    }
    expect(api.asked).toHaveLength(1);
  });

  test('print the API’s error and next step', async () => {
    api.routes.set('POST /models/m/rollout/hold', (_, response) =>
      refuse(response, 409, {
        detail: 'no rollout of m is open to hold',
        next: 'perennial rollout show m',
      }),
    );
    expect(await api.cli('rollout', 'hold', 'm')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'error: no rollout of m is open to hold\nnext: perennial rollout show m\n',
    });
  });
});

describe('run watch during a canary', () => {
  const at = '2026-01-01T00:00:00Z';

  test('prints the events of the rollout, and the rollout at the end', async () => {
    const run = {
      id: 'run_1',
      lifecycle: 'flight-delay',
      status: 'stopped',
      verdict: null,
      version: 2,
      waitingFor: null,
      failure: null,
    };
    api.routes.set('GET /runs/run_1', {
      ...run,
      traceId: 't',
      temporalUrl: null,
      sentEvents: [],
      plannedStages: [],
      approvals: [],
      children: [],
      parent: null,
      stages: [],
      rollout: rolledBack,
    });
    const events = [
      {
        kind: 'rollout.started',
        data: {
          rollout: 'roll_1',
          model: 'flight-delay',
          status: 'running',
          actor: 'run:run_1',
          cause: 'passed',
        },
      },
      {
        kind: 'rollout.extended',
        data: { status: 'running', extendedSeconds: 259_200, actor: 'ada', cause: 'a holiday' },
      },
      {
        kind: 'rollout.rolled_back',
        data: { status: 'rolledBack', actor: 'perennial', cause: 'harm: logloss' },
      },
    ];
    api.routes.set('GET /runs/run_1/events', (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const [index, event] of events.entries()) {
        response.write(
          `id: ${index + 1}\ndata: ${JSON.stringify({ seq: index + 1, stage: 'canary', at, ...event })}\n\n`,
        );
      }
      response.end('event: end\ndata: {}\n\n');
    });
    const { exitCode, stdout, stderr } = await api.cli('run', 'watch', 'run_1');
    expect(exitCode).toBe(3);
    expect(stderr).toBe(
      '00:00:00  canary    3d of event time added by ada\n00:00:00  canary    rolledBack by perennial: harm: logloss\n',
    );
    expect(stdout).toContain(
      'rollout roll_1: rolledBack; perennial rollout show flight-delay --id roll_1\n',
    );
  });

  test('prints the progress of the canary between events', async () => {
    api.routes.set('GET /runs/run_1', {
      id: 'run_1',
      lifecycle: 'f',
      status: 'succeeded',
      verdict: null,
      version: 2,
      waitingFor: null,
      failure: null,
      traceId: 't',
      temporalUrl: null,
      sentEvents: [],
      plannedStages: [],
      approvals: [],
      children: [],
      parent: null,
      stages: [],
    });
    serve(running);
    api.routes.set('GET /runs/run_1/events', (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const data = { rollout: 'roll_1', model: 'flight-delay', status: 'running' };
      response.write(
        `id: 1\ndata: ${JSON.stringify({ seq: 1, kind: 'rollout.started', stage: 'canary', at, data })}\n\n`,
      );
      setTimeout(() => response.end('event: end\ndata: {}\n\n'), 1_500);
    });
    const { stderr } = await api.cli('run', 'watch', 'run_1');
    expect(stderr).toMatch(
      /^\d\d:\d\d:\d\d {2}canary {4}step 2 of 3, 5 %: logloss −0\.0038 \(.*\), 2,400 pairs\n {10}canary {4}needs about 2\.75 days and .*\n$/,
    );
  });
});
