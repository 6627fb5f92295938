import type { FakeApi } from '../fake-api';
import { answer, cliAgainst, openFakeApi, refuse } from '../fake-api';

/** One server acts as API and gateway, because their paths differ. */
let api: FakeApi;
beforeEach(async () => {
  api = await openFakeApi();
});
afterEach(() => api.close());

const cli = (...args: readonly string[]) =>
  cliAgainst({ apiUrl: api.url, gatewayUrl: api.url, apiKey: 'pk_test' }, args);
const inputs = [
  { name: 'ordered_at', datatype: 'BYTES', shape: [-1, 1], parameters: { type: 'timestamp' } },
  { name: 'channel', datatype: 'BYTES', shape: [-1, 1], parameters: { type: 'string' } },
  { name: 'items', datatype: 'INT64', shape: [-1, 1], parameters: { type: 'integer' } },
];

describe('predict', () => {
  test('sends rows as JSON objects and prints one line per row', async () => {
    api.routes.set('POST /v2/models/churn/infer', (_, response) => {
      response.setHeader('x-perennial-model-version', 'churn@3');
      answer(response, 200, {
        outputs: [
          { name: 'score', shape: [2, 1], data: [0.25, 0.5] },
          { name: 'prediction_id', shape: [2, 1], data: ['pred_1', 'pred_2'] },
        ],
      });
    });
    const { exitCode, stdout, stderr } = await cli(
      'predict',
      'churn',
      '--row',
      '{"items": 1}',
      '--row',
      '{"items": 2}',
    );
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: 'SCORE  PREDICTION ID\n0.25   pred_1\n0.5    pred_2\n',
    });
    expect(stderr).toContain('answered by churn@3');
    expect(api.asked).toMatchObject([{ body: { rows: [{ items: 1 }, { items: 2 }] } }]);
  });

  test('names the classes with their probabilities, the most probable first', async () => {
    api.routes.set('POST /v2/models/cuts/infer', (_, response) => {
      response.setHeader('x-perennial-model-version', 'cuts@3');
      answer(response, 200, {
        outputs: [
          { name: 'class', shape: [1, 1], data: ['good'] },
          { name: 'probabilities', shape: [1, 3], data: [0.000089114, 0.7, 0.29991] },
        ],
      });
    });
    api.routes.set('GET /v2/models/cuts%403', {
      outputs: [
        { name: 'class' },
        { name: 'probabilities', parameters: { classes: ['fair', 'good', 'ideal'] } },
      ],
    });
    const { stdout } = await cli('predict', 'cuts', '--row', '{"items": 1}');
    expect(stdout).toBe('CLASS  PROBABILITIES\ngood   good 0.7, ideal 0.3, fair 0.0000891\n');
  });

  test('prints each error of the gateway with the next step', async () => {
    api.routes.set('POST /v2/models/churn/infer', (_, response) =>
      refuse(response, 400, {
        code: 'InvalidInput',
        detail: 'the request has 1 error',
        errors: [{ detail: 'rows[0]: items is missing' }],
      }),
    );
    const refused = await cli('predict', 'churn', '--row', '{}');
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toContain(
      'the request has 1 error\n  rows[0]: items is missing\nnext: perennial model show churn',
    );
  });

  test.each([
    ['{', /--row is not valid JSON: /],
    ['[1]', /--row must be a JSON object with a key for each column/],
  ])('refuses --row %s before any request', async (row, message) => {
    expect(await cli('predict', 'churn', '--row', row)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(message) as string,
    });
    expect(api.asked).toEqual([]);
  });
});

describe('model show', () => {
  const model = {
    name: 'churn',
    aliases: { champion: { version: 3, movedAt: '' } },
    versions: [],
    inferUrl: 'http://gateway/churn',
  };

  test('prints a request to copy, with a value of the right type for each column and without the key', async () => {
    api.routes.set('GET /models/churn', model);
    api.routes.set('GET /v2/models/churn', { name: 'churn', inputs });
    const { exitCode, stderr } = await cli('model', 'show', 'churn');
    expect(exitCode).toBe(0);
    expect(stderr).toContain(
      `curl -s ${api.url}/v2/models/churn/infer \\\n  -H "authorization: Bearer $PERENNIAL_API_KEY"`,
    );
    const row = '{"ordered_at":"2026-01-31T09:00:00Z","channel":"text","items":1}';
    expect(stderr).toContain(`-d '{"rows":[${row}]}'`);
    expect(stderr).toContain(`perennial predict churn --row '${row}'`);
    expect(stderr).not.toContain('pk_test');
  });

  test('prints a chat request for a language application', async () => {
    api.routes.set('GET /models/churn', model);
    api.routes.set('GET /lifecycles/churn', { revision: 1, spec: { kind: 'LlmLifecycle' } });
    const { stderr } = await cli('model', 'show', 'churn');
    expect(stderr).toContain(`${api.url}/v1/chat/completions`);
    expect(stderr).toContain('"model":"churn"');
  });

  test('prints no request if the gateway is unreachable', async () => {
    api.routes.set('GET /models/churn', { ...model, aliases: {}, inferUrl: null });
    expect((await cli('model', 'show', 'churn')).stderr).toBe('');
  });
});
