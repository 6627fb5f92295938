import { lifecycleFiles, lifecycleText } from '../../support/lifecycle-text';
import { livezDuring } from '../../support/process/livez';
import { openApiWorld, type ApiWorld } from './support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly {
    readonly detail: string;
    readonly file?: string;
    readonly line?: number;
  }[];
}

const plan = (files: Readonly<Record<string, string>>, document: unknown = lifecycleText) =>
  JSON.stringify({ document, files: { ...lifecycleFiles, ...files } });

async function send(path: string, body: string): Promise<Problem> {
  const answer = await fetch(world.url + (path.startsWith('/api/') ? path : `/api/v1${path}`), {
    method: path.startsWith('/prompts') ? 'PUT' : 'POST',
    headers: { authorization: `Bearer ${world.keys.operator}`, 'content-type': 'application/json' },
    body,
  });
  // Errors of the tracking API have no status of their own.
  return { ...((await answer.json()) as Problem), status: answer.status };
}

const chained = Array.from({ length: 40 }, (_, at) => {
  const name = (which: number) => `a${which}`.padEnd(256, 'x');
  return at === 0 ? `amount AS ${name(0)}` : `${name(at - 1)} + ${name(at - 1)} AS ${name(at)}`;
});
/** Each of 16 lists repeats the one before it, in fewer than 500 characters. */
const nestedAliases = [
  'a0: &a0 [1,2,3,4,5,6,7,8,9]',
  ...Array.from({ length: 15 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at},*a${at},*a${at}]`),
].join('\n');
const wide = Object.fromEntries(
  Array.from({ length: 150 }, (_, at) => [
    `p${at}`,
    { type: 'string', minLength: 1, pattern: '^a+$' },
  ]),
);
const hostileSchema = {
  $defs: { wide: { properties: wide } },
  properties: Object.fromEntries(
    Array.from({ length: 4_000 }, (_, at) => [`q${at}`, { $ref: '#/$defs/wide' }]),
  ),
};
const prompt = {
  apiVersion: 'perennial/v1',
  kind: 'Prompt',
  metadata: { name: 'answers' },
  spec: { messages: [{ role: 'user', template: 'hello' }], answer: { schema: hostileSchema } },
};

describe('a request that would freeze the API is refused, and /livez responds meanwhile', () => {
  test.each<readonly [string, string, string, RegExp]>([
    [
      '254 KB of SQL',
      '/lifecycles/shop-late/plan',
      plan({ 'sql/assemble.sql': `SELECT ${'a,\n'.repeat(84_000)} a FROM orders` }),
      /more than 20,000 tokens/,
    ],
    [
      'sixty comments before a statement that is not a SELECT',
      '/lifecycles/shop-late/plan',
      plan({ 'sql/features.sql': `${'/**/'.repeat(60)}DELETE FROM request` }),
      /DELETE is not allowed/,
    ],
    [
      'chained aliases',
      '/lifecycles/shop-late/plan',
      plan({ 'sql/features.sql': `SELECT ${chained.join(', ')} FROM request` }),
      /more than 10,000 parts/,
    ],
    [
      'a megabyte of YAML characters',
      '/lifecycles/shop-late/plan',
      plan({}, '! '.repeat(500_000)),
      /more than 100,000 lines, commas and other YAML characters/,
    ],
    [
      'YAML aliases',
      '/lifecycles/shop-late/plan',
      plan({}, `a: &a [1,2,3]\nb: [${'*a,'.repeat(25_000)}1]`),
      /more than 100 aliases/,
    ],
    [
      'short nested YAML aliases',
      '/lifecycles/shop-late/plan',
      plan({}, nestedAliases),
      /more than 100 aliases/,
    ],
    [
      'a JSON Schema with thousands of references',
      '/prompts/answers',
      JSON.stringify({ document: prompt, branch: 'main' }),
      /at most 4000 are allowed/,
    ],
    [
      '75,000 keys',
      '/lifecycles/shop-late/runs',
      `{${Array.from({ length: 75_000 }, (_, at) => `"k${at}":1`).join(',')}}`,
      /more than 50,000 keys/,
    ],
    [
      'unlimited nesting',
      '/lifecycles/shop-late/runs',
      `{"params":${'['.repeat(500_000)}`,
      /nested deeper/,
    ],
    [
      'a filter of 148 digits and commas',
      '/api/2.0/mlflow/runs/search',
      JSON.stringify({ experiment_ids: ['1'], filter: `params.C IN (${'11,'.repeat(44)}x` }),
      /not understood from here/,
    ],
  ])('%s', async (_what, path, body, message) => {
    const { value: problem, pauseMs } = await livezDuring(world.url, 1_000, () => send(path, body));
    expect(JSON.stringify(problem)).toMatch(message);
    expect([400, 413, 422, 429]).toContain(problem.status);
    expect(pauseMs).toBeLessThan(1_000);
  });

  test('slow requests are queued, and get 429 if too many of one key wait', async () => {
    const body = plan({ 'sql/assemble.sql': 'SELECT * FROM orders' });
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => send('/lifecycles/shop-late/plan', body)),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    // Four run and 32 wait.
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(36);
    expect(refused[0]).toMatchObject({
      code: 'TooManyRequests',
      detail: expect.stringContaining('already has 36 requests of this kind in progress') as string,
    });
    expect((await send('/lifecycles/shop-late/plan', body)).status).not.toBe(429);
  });
});
