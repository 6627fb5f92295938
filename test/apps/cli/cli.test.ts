import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FakeApi } from './fake-api';
import { answer, cliAgainst, openFakeApi, refuse } from './fake-api';
import { measureFastest, timed } from '../../support/time/fastest-of';

let api: FakeApi;
let folder: string;
beforeEach(async () => {
  api = await openFakeApi();
  folder = mkdtempSync(join(tmpdir(), 'perennial-cli-'));
});
afterEach(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

const run = {
  id: 'run_1',
  lifecycle: 'flight-delay',
  status: 'succeeded',
  verdict: {
    kind: 'passed',
    reasons: [{ gate: 'useful', code: 'threshold.met', message: 'auc 0.70 at least 0.62' }],
  },
  version: 7,
  waitingFor: null,
  sentEvents: [],
  plannedStages: [],
  approvals: [],
  children: [],
  parent: null,
  failure: null,
  actor: 'ada',
  traceId: 'abc',
  createdAt: '2026-01-01T00:00:00.000Z',
  startedAt: null,
  endedAt: null,
  temporalUrl: null,
  stages: [{ name: 'ingest', status: 'succeeded', seconds: 1.25, reusedFrom: null }],
};

interface Event {
  readonly kind: string;
  readonly stage?: string;
  readonly data?: object;
  readonly second?: number;
}

const story: readonly Event[] = [
  { kind: 'run.accepted', data: { actor: 'ada' } },
  { kind: 'run.status', data: { status: 'running', verdict: null, waitingFor: null } },
  { kind: 'stage.reused', stage: 'ingest', data: { reusedFrom: 'run_0' } },
  { kind: 'stage.started', stage: 'train', second: 1 },
  {
    kind: 'train.metrics',
    stage: 'train',
    second: 2,
    data: { trainer: 'lightgbm', metrics: [{ step: 10, name: 'logloss', value: 0.612345 }] },
  },
  {
    kind: 'train.metrics',
    stage: 'train',
    second: 4,
    data: { trainer: 'lightgbm', metrics: [{ step: 20, name: 'logloss', value: 0.6 }] },
  },
  {
    kind: 'attempt.failed',
    stage: 'train',
    second: 4,
    data: {
      activity: 'trainModel',
      attempt: 2,
      failure: { type: 'BackendUnavailable', message: 'no Python' },
    },
  },
  {
    kind: 'stage.failed',
    stage: 'train',
    second: 5,
    data: { failure: { type: 'JobFailed', message: 'exit 1' } },
  },
  { kind: 'run.status', data: { status: 'waiting', waitingFor: '1 approval(s)' } },
  {
    kind: 'run.status',
    second: 9,
    data: {
      status: 'stopped',
      verdict: {
        kind: 'failed',
        reasons: [
          { gate: 'useful', code: 'x', message: 'auc 0.5', outcome: 'failed' },
          { gate: 'parity', code: 'y', message: 'all agree', outcome: 'passed' },
        ],
      },
    },
  },
];

/** Serves the events, and closes the connection after every few of them. */
function tell(breakAfter: number): void {
  api.routes.set('GET /runs/run_1/events', ({ headers }, response) => {
    const from = Number(headers['last-event-id']);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [index, { kind, stage = null, data = {}, second = 0 }] of story.entries()) {
      const seq = index + 1;
      if (seq <= from) continue;
      const at = `2026-01-01T00:00:0${second}.000Z`;
      response.write(
        `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq, kind, stage, data, at })}\n\n`,
      );
      if (seq - from === breakAfter) return void setTimeout(() => response.destroy(), 20);
    }
    response.end('event: end\ndata: {}\n\n');
  });
}

describe('usage', () => {
  test.each([
    [['rn', 'list'], /unknown command 'rn'[^]*run/],
    [['backup', '--help'], /unknown command 'backup'/],
    [['run', 'strat', '--help'], /unknown command 'strat'/],
    [['run', 'strat', 'a'], /unknown command 'strat'[^]*start/],
    [['model', 'explain', 'm', '--version', '7'], /unknown option '--version'/],
    [['run', 'start'], /missing required argument 'lifecycle'/],
    [['run', 'list', '--statos', 'x'], /unknown option '--statos'[^]*--status/],
    [['key', 'create', 'a'], /required option '--scope <scope>'/],
    [['run', 'start', 'a', '--param', 'x'], /--param x: write name=value/],
    [
      ['run', 'list', '--limit', 'many'],
      /argument 'many' is invalid\. Expected a whole number from 1/,
    ],
    [['audit', 'list', '--limit', '0'], /Expected a whole number from 1/],
    [['model', 'explain', 'm@'], /m@ is not a model: expected name, name@version or name@alias/],
    [['model', 'explain', 'm@2', '--of', '3'], /m@2 and --of 3 are different versions/],
    [
      ['model', 'promote', 'm', 'x', '--reason', 'y'],
      /argument 'version'\. Expected a whole number/,
    ],
    [['model', 'rollback', 'm', '--to', '1.5'], /Expected a whole number/],
    [
      ['compute', 'check', 'lokal'],
      /unknown compute backend lokal; available: local; did you mean local\?/,
    ],
    [
      ['key', 'rotate', 'k', '--overlap-seconds', 'long'],
      /Expected a whole number from 0 to 2592000/,
    ],
  ])(
    '%j is refused with exit code 2 and the nearest word, without a stack trace',
    async (args, message) => {
      const { exitCode, stderr, stdout } = await api.cli(...args);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/\n\s+at /);
      expect(api.asked).toEqual([]);
    },
  );

  test('help and version go to stdout with exit code 0; a noun alone lists its commands', async () => {
    expect(await api.cli('--version')).toMatchObject({ exitCode: 0, stdout: '9.9.9\n' });
    const help = await api.cli('--help');
    expect(help.exitCode).toBe(0);
    for (const noun of [
      'lifecycle',
      'run',
      'model',
      'dataset',
      'audit',
      'policy',
      'key',
      'compute',
      'doctor',
      'up',
    ])
      expect(help.stdout).toContain(noun);
    const verbs = await api.cli('run');
    expect(verbs.exitCode).toBe(2);
    expect(verbs.stderr).toMatch(/start \[options\] <lifecycle>/);
  });

  test.each([
    ['churn', ''],
    ['churn@2', '?version=2'],
    ['churn@previous', '?version=1'],
  ])('model explain accepts %s, like other commands', async (given, query) => {
    api.routes.set('GET /models/churn', {
      aliases: { champion: { version: 3 }, challenger: null, previous: { version: 1 } },
    });
    await api.cli('model', 'explain', given, '--json');
    expect(api.asked.at(-1)?.path).toBe(`/models/churn/explain${query}`);
  });

  test('model explain lists the aliases of the model', async () => {
    api.routes.set('GET /models/churn', {
      aliases: { champion: { version: 3 }, challenger: null, previous: null },
    });
    const { exitCode, stderr } = await api.cli('model', 'explain', 'churn@chalenger');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      'churn has no alias chalenger; known aliases: champion, challenger, previous',
    );
  });

  test('without a platform the error has the next command', async () => {
    const { exitCode, stderr } = await cliAgainst({ apiUrl: null, apiKey: null }, ['run', 'list']);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('next: perennial up') as string,
    });
    const away = await cliAgainst({ apiUrl: 'http://127.0.0.1:1', apiKey: 'pk' }, ['run', 'list']);
    expect(away).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/is not reachable[^]*next: perennial up/) as string,
    });
  });

  test('an error of the API is printed with its places and next step; invalid input exits with 2', async () => {
    expect(await api.cli('run', 'show', 'run_9')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'error: there is no /runs/run_9\nnext: perennial run list\n',
    });
    api.routes.set('POST /lifecycles/a/runs', (_, response) =>
      refuse(response, 422, {
        detail: 'lifecycle.yaml has 1 error',
        errors: [
          {
            pointer: '/a',
            detail: 'unknown key a',
            file: 'lifecycle.yaml',
            line: 3,
            column: 1,
            didYouMean: 'b',
          },
        ],
      }),
    );
    const { exitCode, stderr } = await api.cli('run', 'start', 'a');
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      'error: lifecycle.yaml has 1 error\n  lifecycle.yaml:3:1 unknown key a; did you mean b?\n',
    );
    api.routes.set(
      'GET /runs',
      (_, response) => void response.writeHead(502).end('<html>proxy</html>'),
    );
    expect(await api.cli('run', 'list')).toMatchObject({
      exitCode: 1,
      stderr: 'error: the API responded with 502\n',
    });
  });
});

describe('watching a run', () => {
  test('prints one line per event across broken connections, and exits with 3 if a gate failed', async () => {
    tell(4);
    api.routes.set('GET /runs/run_1', { ...run, status: 'stopped' });
    const { exitCode, stdout, stderr } = await api.cli('run', 'watch', 'run_1');
    expect(exitCode).toBe(3);
    expect(stderr.split('\n')).toEqual([
      '00:00:00  run       accepted for ada',
      '00:00:00  run       running',
      '00:00:00  ingest    reused from run_0',
      '00:00:01  train     started',
      '00:00:02  train     lightgbm step 10: logloss 0.612',
      '00:00:04  train     attempt 2 failed, retrying: no Python',
      '00:00:05  train     failed  4.0 s',
      '          JobFailed: exit 1',
      '00:00:00  run       waiting: 1 approval(s)',
      '00:00:09  run       stopped, verdict failed',
      '',
    ]);
    expect(stdout).toContain('run_1  flight-delay  stopped  flight-delay@7');
    expect(stdout).toContain('  pass  useful  auc 0.70 at least 0.62');
    const resumed = api.asked
      .filter(({ path }) => path.endsWith('/events'))
      .map(({ headers }) => headers['last-event-id']);
    expect(resumed).toEqual(['0', '4', '8']);
  });

  test('ends at once if the run does not exist', async () => {
    const { value, milliseconds } = await measureFastest(3, 2_000, () =>
      timed(() => api.cli('run', 'watch', 'run_2')),
    );
    expect(value).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('there is no') as string,
    });
    expect(milliseconds).toBeLessThan(2_000);
  });

  test.each([
    ['succeeded', 0],
    ['stopped', 3],
    ['failed', 1],
    ['cancelled', 1],
  ])(
    'start --follow of a run that %s exits with %i and prints only JSON on stdout',
    async (status, expected) => {
      tell(99);
      api.routes.set('POST /lifecycles/flight-delay/runs', (_, response) =>
        answer(response, 202, { ...run, status: 'pending' }),
      );
      api.routes.set('GET /runs/run_1', { ...run, status });
      const { exitCode, stdout } = await api.cli(
        'run',
        'start',
        'flight-delay',
        '--follow',
        '--json',
        '--param',
        'num_leaves=15',
        '--no-cache',
      );
      expect(exitCode).toBe(expected);
      expect(JSON.parse(stdout)).toMatchObject({ id: 'run_1', status });
      const started = api.asked.find(({ method }) => method === 'POST');
      expect(started?.body).toEqual({ params: { num_leaves: 15 }, cache: false });
      expect(started?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
    },
  );
});

describe('run show', () => {
  const show = async (changes: object): Promise<string> => {
    api.routes.set('GET /runs/run_1', { ...run, verdict: null, ...changes });
    return (await api.cli('run', 'show', 'run_1')).stdout;
  };

  test('prints the next step of a failed run', async () => {
    const failure = {
      type: 'JobFailed',
      message: 'job 1: exit 1',
      stage: 'train',
      next: 'perennial run logs run_1',
    };
    expect(await show({ status: 'failed', failure })).toContain(
      'train: JobFailed: job 1: exit 1\nnext: perennial run logs run_1\n',
    );
  });

  test('prints the evidence for the approver', async () => {
    const verdict = {
      kind: 'passed',
      reasons: [{ gate: 'useful', code: 'threshold.met', message: 'auc 0.70 at least 0.62' }],
    };
    const stages = [
      { name: 'evaluate', status: 'succeeded', seconds: 1, reusedFrom: null, verdict },
    ];
    const shown = await show({
      status: 'waiting',
      waitingFor: '1 approval of flight-delay@7',
      stages,
    });
    expect(shown).toContain(
      'evaluate: passed\n  pass  useful  auc 0.70 at least 0.62\nwaits for: 1 approval of flight-delay@7\n',
    );
  });
});

describe('a verdict', () => {
  const reasons = [
    { gate: 'useful', code: 'threshold.met', message: 'auc 0.70', outcome: 'passed' },
    {
      gate: 'no-worse',
      code: 'nonInferiority.refuted',
      message: 'worse by 0.02',
      outcome: 'failed',
    },
    { gate: 'parity', code: 'parity.notMeasured', message: 'no gateway', outcome: 'inconclusive' },
    {
      gate: 'slices',
      code: 'slice.notApplicable',
      message: 'no champion',
      outcome: 'notApplicable',
    },
    // This reason belongs to the verdict, not to a gate.
    { gate: 'approval', code: 'approval.rejected', message: 'ada rejected m@1' },
  ];

  test('marks each gate with its outcome, in colour in a terminal', async () => {
    api.routes.set('GET /runs/run_1', {
      ...run,
      status: 'stopped',
      verdict: { kind: 'failed', reasons },
    });
    const plain = (await api.cli('run', 'show', 'run_1')).stdout;
    const lines = [
      'verdict: failed',
      '  pass  useful    auc 0.70',
      '  FAIL  no-worse  worse by 0.02',
      '  open  parity    no gateway',
      '  n/a   slices    no champion',
      '  FAIL  approval  ada rejected m@1',
    ];
    expect(plain).toContain(lines.join('\n'));
    const painted = (
      await cliAgainst({ apiUrl: api.url, apiKey: 'pk', tty: true }, ['run', 'show', 'run_1'])
    ).stdout;
    expect(painted).toContain('\u001b[31mFAIL\u001b[0m  no-worse');
    expect(painted).toContain('\u001b[32mpass\u001b[0m  useful');
  });
});

describe('a list without items', () => {
  test.each([
    [['run', 'list'], 'GET /runs', 'no runs yet; next: perennial run start <lifecycle>'],
    [
      ['run', 'list', '--status', 'failed'],
      'GET /runs',
      'no matching runs; next: perennial run list',
    ],
    [
      ['lifecycle', 'list'],
      'GET /lifecycles',
      'no lifecycles yet; next: perennial lifecycle init <name>',
    ],
    [
      ['model', 'list'],
      'GET /models',
      'no models yet; a run registers the first version; next: perennial run start <lifecycle>',
    ],
    [
      ['model', 'history', 'm'],
      'GET /models/m/history',
      'm had no champion yet; next: perennial model show m',
    ],
    [
      ['dataset', 'list'],
      'GET /datasets',
      'no datasets yet; a run ingests the first one; next: perennial run start <lifecycle>',
    ],
    [['dataset', 'quarantine', 'd'], 'GET /datasets/d/quarantine', 'd has no quarantined rows'],
    [
      ['audit', 'list', '--action', 'x'],
      'GET /audit',
      'no matching changes; next: perennial audit list',
    ],
  ])(
    '%j reports it on stderr with the next step, and writes nothing to a pipe',
    async (args, route, said) => {
      api.routes.set(route, { items: [], nextPageToken: null });
      expect(await api.cli(...args)).toEqual({ exitCode: 0, stdout: '', stderr: `${said}\n` });
      expect(await api.cli(...args, '--json')).toEqual({ exitCode: 0, stdout: '[]\n', stderr: '' });
    },
  );
});

test('lifecycle validate finds an unknown trainer and a mistyped parameter without a platform', async () => {
  const offline = (...args: readonly string[]) =>
    cliAgainst({ apiUrl: null, apiKey: null, cwd: folder }, ['lifecycle', ...args]);
  await offline('init', 'churn');
  const file = join(folder, 'churn', 'lifecycle.yaml');
  const text = readFileSync(file, 'utf8');
  const validated = async (part: string, otherwise: string) => {
    writeFileSync(file, text.replace(part, otherwise));
    return offline('validate', 'churn');
  };
  expect(await validated('trainer: lightgbm', 'trainer: lightgmb')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/lifecycle\.yaml:16:5 unknown trainer lightgmb/) as string,
  });
  expect(await validated('learning_rate', 'lerning_rate')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(
      /lifecycle\.yaml:18:15 spec\.train\.params\.lerning_rate: no such parameter/,
    ) as string,
  });
  expect(await validated('x', 'x')).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('churn: valid') as string,
  });
});

describe('lifecycle init', () => {
  const init = (...args: readonly string[]) =>
    cliAgainst({ apiUrl: null, apiKey: null, cwd: folder }, ['lifecycle', 'init', ...args]);

  test('refuses an unknown trainer with the nearest name, and writes nothing', async () => {
    const { exitCode, stderr } = await init('churn', '--trainer', 'lightgmb');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringMatching(
        /unknown trainer lightgmb; .*did you mean lightgbm\?\nnext: perennial trainer init lightgmb/,
      ) as string,
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('refuses a trainer that cannot train on tables', async () => {
    const { exitCode, stderr } = await init('churn', '--trainer', 'lora');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining('unknown trainer lora') as string,
    });
  });

  test('writes a language application that is valid unchanged', async () => {
    expect(await init('capitals', '--llm')).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(folder, 'capitals', 'lifecycle.yaml'), 'utf8')).toContain(
      'kind: LlmLifecycle',
    );
  });

  test('writes an application with documents and an index, which is valid unchanged', async () => {
    const { exitCode, stderr } = await init('capitals', '--llm', '--index');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('wrote capitals/data/documents.ndjson');
    const validated = await cliAgainst({ apiUrl: null, apiKey: null, cwd: folder }, [
      'lifecycle',
      'validate',
      'capitals',
    ]);
    expect(validated).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('capitals: valid') as string,
    });
  });

  test.each<[string, readonly string[], RegExp]>([
    [
      'data without a label',
      ['--data', 'x.csv'],
      /--data needs --label.*\nnext: perennial lifecycle init churn --data x\.csv --label COLUMN/,
    ],
    ['a label without data', ['--label', 'y'], /--label needs --data/],
    [
      'an entity of a language application',
      ['--llm', '--entity', 'y'],
      /--entity cannot be used with --llm/,
    ],
    [
      'an unknown task',
      ['--data', 'x.csv', '--label', 'y', '--task', 'ranking'],
      /--task cannot be ranking\nnext: choose one of classification/,
    ],
    ['a missing file', ['--data', 'x.csv', '--label', 'y'], /x\.csv does not exist/],
    [
      'a URI',
      ['--data', 'https://a:b@host/x.csv', '--label', 'y'],
      /https:\/\/host\/x\.csv is a URI/,
    ],
    [
      'a spreadsheet',
      ['--data', 'sheet.xlsx', '--label', 'y'],
      /does not end in \.csv, \.parquet or \.ndjson.*\nnext: save the sheet as CSV/,
    ],
    [
      'a table that cannot be read',
      ['--data', 'broken.csv', '--label', 'y'],
      /line 3: 3 fields, but the header has 2/,
    ],
    [
      'an unknown label',
      ['--data', 'order.csv', '--label', 'cutt'],
      /order\.csv: there is no column cutt.*did you mean cut\?/,
    ],
    [
      'a trainer of language models',
      ['--data', 'order.csv', '--label', 'cut', '--trainer', 'lora'],
      /unknown trainer lora/,
    ],
  ])('refuses %s, and writes nothing', async (_, args, message) => {
    writeFileSync(join(folder, 'sheet.xlsx'), 'PK');
    writeFileSync(join(folder, 'broken.csv'), 'x,y\n1,2\n1,2,3\n');
    writeTable();
    const before = readdirSync(folder);
    const { exitCode, stderr } = await init('churn', ...args);
    expect(stderr).toMatch(message);
    expect(exitCode).not.toBe(0);
    expect(readdirSync(folder)).toEqual(before);
  });

  test('writes a lifecycle for a table that is valid unchanged, and prints what it inferred', async () => {
    writeTable();
    const { exitCode, stderr } = await init('cuts', '--data', 'order.csv', '--label', 'cut');
    expect(stderr).toContain(
      'label     cut, string, 3 classes: fair 33.3 %, good 33.3 %, ideal 33.3 %',
    );
    expect(stderr).toContain('left out  id: it counts the rows');
    expect(stderr).toContain('NA is read as null in Price in €');
    expect(stderr).toContain('next: perennial lifecycle plan cuts');
    expect(exitCode).toBe(0);
    // The source is not named `order`, which is a keyword of SQL.
    expect(readFileSync(join(folder, 'cuts', 'sql', 'assemble.sql'), 'utf8')).toContain(
      'FROM order_rows',
    );
    const validated = await cliAgainst({ apiUrl: null, apiKey: null, cwd: folder }, [
      'lifecycle',
      'validate',
      'cuts',
    ]);
    expect(validated).toMatchObject({ exitCode: 0, stderr: 'cuts: valid\n' });
  });

  /** 90 rows whose columns are named as in a spreadsheet. */
  function writeTable(): void {
    const rows = Array.from({ length: 90 }, (_, at) => {
      const cut = ['fair', 'good', 'ideal'][at % 3] ?? '';
      return `${at},${at % 7}.5,${at === 0 ? 'NA' : 100 + (at % 11)},${cut}`;
    });
    writeFileSync(join(folder, 'order.csv'), ['id,select,Price in €,cut', ...rows].join('\n'));
  }

  test('writes a lifecycle that is valid unchanged', async () => {
    expect(await init('churn', '--trainer', 'logistic')).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(folder, 'churn', 'lifecycle.yaml'), 'utf8')).toContain(
      'trainer: logistic',
    );
  });
});

describe('lifecycle archive and delete', () => {
  test('print what continues, and delete only with confirmation', async () => {
    const posted = (path: string, body: object) =>
      api.routes.set(`POST /lifecycles/churn/${path}`, (_, response) =>
        answer(response, 200, body),
      );
    posted('archive', { champion: 3, openRuns: ['run_1'] });
    posted('delete', {});
    posted('unarchive', {});
    const archived = await api.cli('lifecycle', 'archive', 'churn', '--reason', 'replaced');
    expect(archived.stderr).toContain('churn@3 continues to serve\nrun_1 continues to the end');
    // Both commands can be copied as they are.
    expect(archived.stderr).toContain('perennial lifecycle unarchive churn --reason "<why>"');
    expect(archived.stderr).toContain(
      'perennial lifecycle delete churn --stop-serving --yes --reason "<why>"',
    );
    expect(
      await api.cli('lifecycle', 'unarchive', 'churn', '--reason', 'needed again'),
    ).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('churn accepts runs again') as string,
    });
    expect(await api.cli('lifecycle', 'delete', 'churn', '--reason', 'replaced')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /confirm with --yes\nnext: .* churn --yes --reason "replaced"/,
      ) as string,
    });
    expect(api.asked.some(({ path }) => path.endsWith('/delete'))).toBe(false);
    expect(
      await api.cli(
        'lifecycle',
        'delete',
        'churn',
        '--yes',
        '--stop-serving',
        '--reason',
        'replaced',
      ),
    ).toMatchObject({ exitCode: 0 });
    expect(api.asked.find(({ path }) => path.endsWith('/delete'))?.body).toEqual({
      reason: 'replaced',
      stopServing: true,
    });
  });
});

describe('a command to a run', () => {
  test.each([
    ['pause', 'running', 'run_1 pauses before its next stage'],
    ['pause', 'paused', 'run_1 is paused'],
    ['resume', 'paused', 'run_1 resumed'],
    ['resume', 'waiting', 'run_1 was not paused (status: waiting)'],
    ['cancel', 'running', 'run_1 is being cancelled'],
    ['cancel', 'failed', 'run_1 has already ended (status: failed)'],
  ])('%s of a run that is %s prints the result', async (verb, status, said) => {
    api.routes.set(`POST /runs/run_1/${verb}`, (_, response) => answer(response, 202, { status }));
    expect(await api.cli('run', verb, 'run_1')).toMatchObject({ exitCode: 0, stderr: `${said}\n` });
  });

  const planned = {
    run: 'run_1',
    changes: [
      { kind: 'revision', before: { revision: 3 }, after: { revision: 4 } },
      { kind: 'param', name: 'num_leaves', before: 15, after: 31 },
      { kind: 'param', name: 'objective', before: null, after: 'binary' },
      { kind: 'until', before: 'latest', after: '2013-07-01T00:00:00Z' },
      { kind: 'force', stage: 'evaluate' },
    ],
  };
  const changed = [
    'revision 3 → 4',
    'num_leaves 15 → 31',
    'objective default → binary',
    'until latest → 2013-07-01T00:00:00Z',
    'evaluate is forced',
  ];
  const given = [
    ...['--param', 'num_leaves=31', '--param', 'objective=binary', '--revision', '4'],
    ...['--until', '2013-07-01T00:00:00Z', '--force', 'evaluate', '--force', 'train'],
  ];
  const body = {
    params: { num_leaves: 31, objective: 'binary' },
    revision: 4,
    until: '2013-07-01T00:00:00Z',
    force: ['evaluate', 'train'],
  };

  test('rerun sends what it changes, and shows what differs from the original', async () => {
    api.routes.set('POST /runs/run_1/rerun', (_request, response) =>
      answer(response, 202, {
        ...run,
        id: 'run_2',
        request: { fromStage: 'train' },
        rerunOf: planned,
      }),
    );
    const key = ['--idempotency-key', 'k1'];
    expect(await api.cli('run', 'rerun', 'run_1', ...given, ...key)).toMatchObject({
      stdout: 'run_2\n',
      stderr: `${['run_2 reruns run_1 from train', ...changed].join('\n  ')}\n`,
    });
    expect(api.asked.find(({ path }) => path.endsWith('/rerun'))?.body).toEqual(body);
  });

  test('rerun leaves the first stage to the API unless it is given', async () => {
    api.routes.set('POST /runs/run_1/rerun', (_request, response) =>
      answer(response, 202, {
        ...run,
        id: 'run_2',
        request: { fromStage: 'train' },
        rerunOf: { run: 'run_1', changes: [] },
      }),
    );
    expect(await api.cli('run', 'rerun', 'run_1')).toMatchObject({
      stderr: 'run_2 reruns run_1 from train\n',
    });
    await api.cli('run', 'rerun', 'run_1', '--from', 'evaluate', '--revision', 'latest');
    const bodies = api.asked.filter(({ path }) => path.endsWith('/rerun')).map((each) => each.body);
    expect(bodies).toEqual([{}, { fromStage: 'evaluate', revision: 'latest' }]);
  });

  test('rerun --dry-run shows the plan and starts nothing', async () => {
    api.routes.set('POST /runs/run_1/rerun/plan', {
      revision: 4,
      digest: 'sha256:4',
      request: {},
      rerunOf: planned,
      stages: [
        { stage: 'ingest', action: 'reused', because: [] },
        { stage: 'train', action: 'runs', because: ['num_leaves'] },
        { stage: 'evaluate', action: 'mayRun', because: ['no earlier run had the same inputs'] },
      ],
    });
    const { exitCode, stdout } = await api.cli('run', 'rerun', 'run_1', ...given, '--dry-run');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('a rerun of run_1 with revision 4 would:');
    expect(stdout).toContain('  change num_leaves 15 → 31');
    expect(stdout).toMatch(/^ingest +be reused/m);
    expect(stdout).toMatch(/^train +run +num_leaves/m);
    expect(stdout).toMatch(/^evaluate +run again if +no earlier run had the same inputs/m);
    expect(api.asked.map(({ path }) => path)).not.toContain('/api/v1/runs/run_1/rerun');
  });

  test('show names the original of a rerun and what differs', async () => {
    api.routes.set('GET /runs/run_2', {
      ...run,
      id: 'run_2',
      request: { fromStage: 'train' },
      rerunOf: planned,
    });
    const { stdout } = await api.cli('run', 'show', 'run_2');
    expect(stdout).toContain(['rerun of run_1 from train', ...changed].join('\n  '));
  });
});

describe('the output', () => {
  test('is coloured only in a terminal, and not with NO_COLOR', async () => {
    api.routes.set('GET /runs/run_1', run);
    const show = ['run', 'show', 'run_1'];
    const target = { apiUrl: api.url, apiKey: 'pk' };
    expect((await cliAgainst({ ...target, tty: true }, show)).stdout).toContain('\u001b[32m');
    expect((await cliAgainst({ ...target, tty: true, noColor: true }, show)).stdout).not.toContain(
      '\u001b',
    );
    expect((await cliAgainst(target, show)).stdout).not.toContain('\u001b');
  });

  test('contains all pages of a list', async () => {
    api.routes.set('GET /datasets', ({ path }, response) => {
      const item = {
        name: path.includes('pageToken=t') ? 'weather' : 'flights',
        versions: 1,
        latest: 1,
        approved: null,
      };
      answer(response, 200, {
        items: [item],
        nextPageToken: path.includes('pageToken=t') ? null : 't',
      });
    });
    const { stdout } = await api.cli('dataset', 'list');
    expect(stdout).toBe(
      'DATASET  VERSIONS  LATEST  APPROVED\nflights  1         @1\nweather  1         @1\n',
    );
    expect(JSON.parse((await api.cli('dataset', 'list', '--json')).stdout)).toHaveLength(2);
  });

  test('of an audit with findings has exit code 1', async () => {
    const checkpoint = { batch: 1, digest: `sha256:${'0'.repeat(64)}` };
    const report = {
      rows: 3,
      batches: 1,
      unsealed: 0,
      unsealedSince: null,
      checkpoint,
      trustedBy: 'firstKey',
      keys: [{ fingerprint: 'sha256:ab' }],
      copies: [{ place: 's3://perennial', heads: 1, waiting: 0 }],
      findings: [] as object[],
      furtherFindings: 0,
    };
    api.routes.set('GET /audit/verify', report);
    expect(await api.cli('audit', 'verify')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('are unchanged') as string,
    });
    const kept = join(folder, 'checkpoint');
    expect(await api.cli('audit', 'verify', '--checkpoint-file', kept)).toMatchObject({
      exitCode: 0,
    });
    expect(readFileSync(kept, 'utf8')).toBe(`1:${checkpoint.digest}\n`);
    await api.cli('audit', 'verify', '--checkpoint-file', kept);
    expect(api.asked.at(-1)?.path).toBe(
      `/audit/verify?from=${encodeURIComponent(`1:${checkpoint.digest}`)}`,
    );
    report.findings.push({
      kind: 'changed',
      sealedAs: 2,
      detail: 'row aud_1 differs from what was sealed',
    });
    expect(await api.cli('audit', 'verify')).toMatchObject({
      exitCode: 1,
      stdout: 'changed at row 2: row aud_1 differs from what was sealed\n',
    });
  });

  test('of key list marks keys that expire soon; key create accepts 90 days, a number of days, or never', async () => {
    const day = 86_400_000;
    const at = (days: number) => new Date(Date.now() + days * day + 60_000).toISOString();
    const key = (id: string, expiresAt: string | null) => ({
      id,
      name: id,
      scope: 'viewer',
      createdAt: '',
      lastUsedAt: null,
      expiresAt,
      revokedAt: null,
    });
    api.routes.set('GET /api-keys', {
      items: [key('a', null), key('b', at(5)), key('c', at(60)), key('d', at(-2))],
      nextPageToken: null,
    });
    const { stdout } = await api.cli('key', 'list');
    expect(stdout).toMatch(/a .*valid, never expires\n/);
    expect(stdout).toMatch(/b .*EXPIRES in 5 days/);
    expect(stdout).toMatch(/c .*until /);
    expect(stdout).toMatch(/d .*expired /);
    api.routes.set('POST /api-keys', { id: 'k', key: 'pk', expiresAt: null });
    const make = async (...options: string[]) => {
      const { exitCode } = await api.cli('key', 'create', 'ci', '--scope', 'viewer', ...options);
      return exitCode === 0
        ? (api.asked.at(-1)?.body as { expiresAt?: string | null }).expiresAt
        : exitCode;
    };
    expect(await make()).toBeUndefined();
    expect(await make('--expires', 'never')).toBeNull();
    expect(
      Math.abs(Date.parse(String(await make('--expires', '30d'))) - Date.now() - 30 * day),
    ).toBeLessThan(60_000);
    expect(await make('--expires', 'soon')).toBe(2);
    expect(await make('--expires', '3d', '--expires-at', at(3))).toBe(2);
  });

  test('of what-if has each gate of the file with its outcome', async () => {
    api.routes.set('POST /policies/what-if', {
      was: { kind: 'passed', reasons: [] },
      wouldBe: { kind: 'failed', reasons: [] },
      gates: [
        {
          gate: 'strict',
          kind: 'threshold',
          outcome: 'failed',
          code: 'x',
          message: 'auc 0.7 under 0.75',
        },
      ],
    });
    writeFileSync(
      join(folder, 'gates.yaml'),
      '- { name: strict, kind: threshold, metric: auc, min: 0.75 }\n',
    );
    const whatIf = (file: string) =>
      cliAgainst({ apiUrl: api.url, apiKey: 'pk', cwd: folder }, [
        'policy',
        'what-if',
        'dec_1',
        '--gates',
        file,
      ]);
    expect(await whatIf('gates.yaml')).toMatchObject({
      exitCode: 0,
      stdout: 'was passed, would be failed\nFAIL  strict  auc 0.7 under 0.75\n',
    });
    expect(api.asked[0]?.body).toEqual({
      decision: 'dec_1',
      gates: [{ name: 'strict', kind: 'threshold', metric: 'auc', min: 0.75 }],
    });
    expect(await whatIf('nosuch.yaml')).toMatchObject({ exitCode: 2 });
    writeFileSync(
      join(folder, 'lifecycle.yaml'),
      'spec: { canary: { quality: { margin: 0.1 } } }\n',
    );
    const under = (...rules: string[]) =>
      cliAgainst({ apiUrl: api.url, apiKey: 'pk', cwd: folder }, [
        'policy',
        'what-if',
        'dec_1',
        ...rules,
      ]);
    expect(await under('--canary', 'lifecycle.yaml')).toMatchObject({ exitCode: 0 });
    expect(api.asked.at(-1)?.body).toEqual({
      decision: 'dec_1',
      canary: { quality: { margin: 0.1 } },
    });
    expect(await under('--canary', 'gates.yaml')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('has no canary') as string,
    });
    expect(await under()).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--gates <file> or --canary <file>') as string,
    });
  });

  test('of a loosened policy has exit code 3 and the command for an approver, unless an admin approves it', async () => {
    const [folder_, loosening] = [
      'churn',
      { what: 'spec.promote.approval.required', before: 2, after: 0, why: 'smaller' },
    ];
    const cli = (...args: readonly string[]) =>
      cliAgainst({ apiUrl: api.url, apiKey: 'pk', cwd: folder }, args);
    await cli('lifecycle', 'init', folder_);
    const applied = {
      lifecycle: 'churn',
      revision: 4,
      digest: 'sha256:0123456789abcdef',
      changed: false,
      warnings: [],
    };
    api.routes.set('PUT /lifecycles/churn', {
      ...applied,
      state: 'pending',
      loosenings: [loosening],
    });
    api.routes.set('POST /lifecycles/churn/revisions/4/approve', {});
    const { exitCode, stderr } = await cli('lifecycle', 'apply', folder_);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('spec.promote.approval.required 2 → 0') as string,
    });
    expect(stderr).toContain(
      'next: perennial lifecycle approve churn --revision 4 --reason "<why>"',
    );
    expect(await cli('lifecycle', 'apply', folder_, '--self-approve', 'I am alone')).toMatchObject({
      exitCode: 0,
    });
    expect(api.asked.at(-1)?.body).toEqual({ reason: 'I am alone', selfApprove: true });
    expect(
      await cli('lifecycle', 'approve', 'churn', '--revision', '4', '--reason', 'agreed'),
    ).toMatchObject({ exitCode: 0 });
    expect(api.asked.at(-1)?.body).toEqual({ reason: 'agreed', selfApprove: false });
  });

  test('of a promotion depends on the ETag of the current champion', async () => {
    api.routes.set('GET /models/m/aliases/champion', (_, response) => {
      response.setHeader('etag', '"1.4"');
      answer(response, 200, {});
    });
    api.routes.set('PUT /models/m/aliases/champion', {});
    expect(await api.cli('model', 'promote', 'm', '2', '--reason', 'by hand')).toMatchObject({
      exitCode: 0,
      stderr: 'm@2 is champion\n',
    });
    expect(api.asked.at(-1)).toMatchObject({
      headers: { 'if-match': '"1.4"' },
      body: { version: 2, reason: 'by hand' },
    });
    await api.cli('model', 'promote', 'm', '2', '--override', 'an outage', '--self-approve');
    const override = { reason: 'an outage', selfApprove: true };
    expect(api.asked.at(-1)?.body).toEqual({ version: 2, reason: 'an outage', override });
    const asked = api.asked.length;
    for (const lacking of [[], ['--reason', 'r', '--self-approve']]) {
      expect(await api.cli('model', 'promote', 'm', '2', ...lacking)).toMatchObject({
        exitCode: 2,
      });
    }
    expect(api.asked).toHaveLength(asked);
  });

  test('of doctor names each problem and the next command', async () => {
    const platform = {
      caller: { name: 'ada', scope: 'viewer' },
      parts: [
        { name: 'workers', ok: false, detail: 'no worker polls data', next: 'perennial worker' },
      ],
    };
    api.routes.set('GET /platform', platform);
    api.routes.set('GET /readyz', {});
    const { exitCode, stdout, stderr } = await api.cli('doctor');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/ok +key +ada, scope viewer/);
    expect(stderr).toBe('next: workers: perennial worker\n');
    const none = await cliAgainst({ apiUrl: null, apiKey: null, cwd: folder }, ['doctor']);
    expect(none).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('perennial up') as string,
    });
  });

  test.each([
    [0, 0, /ok +logs +lines dropped since the start: api 0\n/, ''],
    [12, 1, /wrong +logs +lines dropped since the start: api 12\n/, 'next: logs: free space on'],
  ])('of doctor counts %i log lines that were dropped', async (lines, code, row, next) => {
    api.routes.set('GET /platform', { caller: { name: 'ada', scope: 'viewer' }, parts: [] });
    api.routes.set('GET /readyz', {});
    api.routes.set('GET /metrics', (_, response) =>
      response.writeHead(200).end(`# TYPE x\nperennial_log_lines_dropped_total ${lines}\n`),
    );
    const { exitCode, stdout, stderr } = await api.cli('doctor');
    expect(exitCode).toBe(code);
    expect(stdout).toMatch(row);
    expect(stderr).toContain(next);
  });

  test('of doctor has the free disk space of the state folder, even before it exists', async () => {
    const stateDir = join(folder, 'state');
    const disk = async () =>
      (await cliAgainst({ apiUrl: null, apiKey: null, stateDir }, ['doctor'])).stdout;
    expect(await disk()).toMatch(new RegExp(`disk +[0-9.]+ GiB free in ${folder}\\n`));
    mkdirSync(stateDir);
    expect(await disk()).toMatch(new RegExp(`disk +[0-9.]+ GiB free in ${stateDir}\\n`));
  });
});

describe('--reason', () => {
  test.each([
    [['run', 'approve', 'run_1'], 'POST /runs/run_1/approve'],
    [['key', 'revoke', 'key_1'], 'POST /api-keys/key_1/revoke'],
    [['budget', 'set', 'tenant', '5'], 'PUT /budgets'],
    [['index', 'build-cancel', 'wiki', 'ib_1'], 'POST /indexes/wiki/builds/ib_1/cancel'],
  ])('%j sends the reason with the request, and no header without it', async (args, route) => {
    api.routes.set(route, {});
    await api.cli(...args, '--reason', 'größer als nötig');
    expect(api.asked.at(-1)?.headers['x-perennial-reason']).toBe(
      encodeURIComponent('größer als nötig'),
    );
    await api.cli(...args);
    expect(api.asked.at(-1)?.headers).not.toHaveProperty('x-perennial-reason');
  });
});
