import type { PredictionJson } from '../../../../apps/api/serving/view';
import { openFakeApi, type FakeApi } from '../fake-api';

let api: FakeApi;
beforeEach(async () => (api = await openFakeApi()));
afterEach(() => api.close());

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const passed = { outcome: 'passed', findings: [], textKept: false } as const;

const answered: PredictionJson = {
  id: 'pred_2',
  receivedAt: '2026-01-10T12:00:00.000Z',
  model: 'wiki',
  version: 3,
  arm: 'champion',
  latencyMs: 812.4,
  score: null,
  verdict: 'redacted',
  digest: digest('a'),
  labels: [],
  eventTime: null,
  rollout: { id: 'rol_1', step: 0 },
  answer: {
    finish: 'stop',
    promptTokens: 30,
    completionTokens: 6,
    firstTokenMs: 120,
    blocked: null,
    malformed: false,
    error: null,
    standby: { provider: 'other', model: 'parrot-2' },
  },
  safety: {
    policy: digest('b'),
    input: {
      outcome: 'redacted',
      findings: [{ detector: 'personal', action: 'redact', found: { email: 2 }, failure: null }],
      textKept: true,
    },
    output: passed,
    retrieved: null,
  },
  class: null,
  probabilities: null,
  retrieved: {
    index: { name: 'pages', version: 4, digest: digest('c') },
    passages: [
      { documentId: 'ada', chunkId: 'ada/0', score: 0.81234 },
      { documentId: 'babbage', chunkId: 'babbage/3', score: 0.5 },
    ],
    cited: [2],
    left: { room: 1, policy: 0 },
  },
  other: {
    version: 4,
    role: 'shadow',
    latencyMs: 90,
    error: 'ProviderTimeout',
    score: null,
    class: null,
    probabilities: null,
    answer: null,
    safety: null,
    retrieved: null,
  },
  feedback: {
    labelledAt: '2026-01-11T00:00:00.000Z',
    label: null,
    score: 1,
    references: 2,
    corrected: true,
    judged: null,
  },
};

const labelTrue = {
  labelledAt: '2026-01-11T00:00:00.000Z',
  label: true,
  score: null,
  references: 0,
  corrected: false,
  judged: null,
};

const scored: PredictionJson = {
  ...answered,
  id: 'pred_1',
  model: 'flights',
  score: 0.25,
  verdict: null,
  latencyMs: 1.46,
  answer: null,
  safety: null,
  retrieved: null,
  other: null,
  rollout: null,
  labels: [],
  digest: null,
  eventTime: '2026-01-01T05:00:00.000Z',
  feedback: labelTrue,
};

const keptBack: PredictionJson = {
  ...answered,
  id: 'pred_3',
  verdict: 'blocked',
  feedback: null,
  answer: {
    finish: 'filtered',
    promptTokens: 0,
    completionTokens: 0,
    firstTokenMs: null,
    blocked: 'input',
    malformed: false,
    error: null,
    standby: null,
  },
};

describe('prediction list', () => {
  test('lists models and applications in one table', async () => {
    api.routes.set('GET /predictions', {
      items: [keptBack, answered, scored],
      nextPageToken: null,
    });
    const { stdout, exitCode } = await api.cli('prediction', 'list');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['PREDICTION', 'WHEN', 'VERSION', 'ARM', 'LATENCY', 'SAID', 'VERDICT', 'FEEDBACK'],
      [
        'pred_3',
        answered.receivedAt,
        'wiki@3',
        'champion',
        '812 ms',
        'blocked by its input, 0+0 tokens',
        'blocked',
      ],
      [
        'pred_2',
        answered.receivedAt,
        'wiki@3',
        'champion',
        '812 ms',
        'stop, 30+6 tokens',
        'redacted',
        'score 1, 2 right answers, corrected',
      ],
      // A classical model has no safety policy.
      [
        'pred_1',
        answered.receivedAt,
        'flights@3',
        'champion',
        '1.5 ms',
        'score 0.25',
        'label true',
      ],
      [''],
    ]);
  });

  test('requests what the filters select, page by page up to the limit', async () => {
    api.routes.set(
      'GET /predictions?model=wiki&blocked=true&since=2026-01-10T12%3A00%3A00Z&pageSize=2',
      {
        items: [keptBack],
        nextPageToken: 'next',
      },
    );
    api.routes.set(
      'GET /predictions?model=wiki&blocked=true&since=2026-01-10T12%3A00%3A00Z&pageSize=1&pageToken=next',
      {
        items: [answered],
        nextPageToken: 'more',
      },
    );
    const filter = ['--model', 'wiki', '--blocked', 'true', '--since', '2026-01-10T12:00:00Z'];
    const { stdout } = await api.cli('prediction', 'list', ...filter, '--limit', '2', '--json');
    expect(JSON.parse(stdout)).toEqual([keptBack, answered]);
    expect(api.asked).toHaveLength(2);
  });

  test('reports that there are none', async () => {
    api.routes.set('GET /predictions', { items: [], nextPageToken: null });
    const none = await api.cli('prediction', 'list', '--verdict', 'flagged', '--version', '@3');
    expect(none).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'no matching predictions; next: perennial model list\n',
    });
    expect(api.asked[0]?.path).toBe('/predictions?version=3&verdict=flagged&pageSize=50');
  });

  test.each([
    ['--blocked', 'perhaps'],
    ['--verdict', 'bad'],
    ['--limit', '0'],
  ])('refuses %s %s', async (...option) => {
    expect((await api.cli('prediction', 'list', ...option)).exitCode).toBe(2);
    expect(api.asked).toEqual([]);
  });
});

describe('prediction show', () => {
  test('shows the version, the outcome of the policy, sources and feedback, and requests no text', async () => {
    api.routes.set('GET /predictions/pred_2', answered);
    const { stdout } = await api.cli('prediction', 'show', 'pred_2');
    expect(stdout.split('\n')).toEqual([
      'pred_2 of wiki@3 (champion), sha256:aaaaaaaaaaaa',
      'received 2026-01-10T12:00:00.000Z, answered in 812 ms, first token after 120 ms',
      'part of rol_1, step 0',
      'stop, 30+6 tokens',
      'answered by standby other parrot-2',
      'policy sha256:bbbbbbbbbbbb',
      '  input: redacted, text kept: print it with --texts',
      '    personal (redact): email 2×',
      '  output: passed',
      'sources from pages@4, left out: 1 over the size limit',
      '  [1] ada ada/0 0.812',
      '  [2] babbage babbage/3 0.500, cited',
      'wiki@4 was asked beside: failed: ProviderTimeout in 90 ms',
      'feedback: score 1, 2 right answers, corrected, 2026-01-11T00:00:00.000Z',
      '',
    ]);
    expect(api.asked.map(({ path }) => path)).toEqual(['/predictions/pred_2']);
  });

  test('of a classical model shows its score', async () => {
    api.routes.set('GET /predictions/pred_1', scored);
    expect((await api.cli('prediction', 'show', 'pred_1')).stdout.split('\n')).toEqual([
      'pred_1 of flights@3 (champion)',
      'received 2026-01-10T12:00:00.000Z, answered in 1.5 ms',
      'event time 2026-01-01T05:00:00.000Z',
      'score 0.25',
      'feedback: label true, 2026-01-11T00:00:00.000Z',
      '',
    ]);
    const before = { ...labelTrue, label: false, labelledAt: '2026-01-10T00:00:00.000Z' };
    api.routes.set('GET /predictions/pred_1', { ...scored, labels: [before, labelTrue] });
    expect((await api.cli('prediction', 'show', 'pred_1')).stdout).toContain(
      'values that contradicted, in the order of arrival, up to 8 kB:\n  label false, 2026-01-10T00:00:00.000Z\n  label true,',
    );
  });

  test('shows kept texts on request, without control characters for the terminal', async () => {
    const none = { input: null, output: null, retrieved: null };
    const texts = {
      served: { ...none, input: 'a\u001b[2Jb\nada@example.com' },
      other: { ...none, output: 'c' },
    };
    const passages = [{ documentId: 'a\u001b[2Jda', chunkId: 'ada/0', score: 0.5 }];
    const steering = {
      ...answered,
      retrieved: answered.retrieved && { ...answered.retrieved, passages },
    };
    api.routes.set('GET /predictions/pred_2', steering);
    api.routes.set('GET /predictions/pred_2/texts', texts);
    const { stdout } = await api.cli('prediction', 'show', 'pred_2', '--texts');
    expect(stdout).toContain('\ninput: a\ufffd[2Jb\nada@example.com\nthe other’s output: c\n');
    expect(stdout).toContain('  [1] a\ufffd[2Jda ada/0');
    const asJson = await api.cli('prediction', 'show', 'pred_2', '--texts', '--json');
    expect(JSON.parse(asJson.stdout)).toEqual({ ...steering, texts });
  });

  test('of an unknown one exits with 1', async () => {
    expect(await api.cli('prediction', 'show', 'pred_9')).toMatchObject({
      exitCode: 1,
      stdout: '',
    });
  });
});
