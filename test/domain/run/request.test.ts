import { objectDocument } from '../../../domain/document/document';
import { modelStages } from '../../../domain/lifecycle/stages';
import { runRequestSchema } from '../../../domain/run/request.schema';
import { parseWithSchema } from '../../../domain/document/schema-issues.schema';

const readRunRequest = (body: unknown) =>
  parseWithSchema(runRequestSchema, objectDocument(body, 'body'));

describe('the request of a run', () => {
  test.each<[object, object]>([
    [{}, {}],
    [{ until: '2013-07-01T02:00:00+02:00' }, { until: '2013-07-01T00:00:00Z' }],
    [
      { until: 'latest', cache: false },
      { until: 'latest', cache: false },
    ],
    [
      { params: { a: [1, { b: null }] }, reason: ' try ' },
      { params: { a: [1, { b: null }] }, reason: 'try' },
    ],
    ...modelStages.map((fromStage): [object, object] => [
      { fromStage, reuseRun: 'run_01jd' },
      { fromStage, reuseRun: 'run_01jd' },
    ]),
    [{ force: ['train', 'evaluate', 'train'] }, { force: ['train', 'evaluate'] }],
    [{ until: undefined }, {}],
  ])('%j is accepted', (body, request) => {
    const read = readRunRequest(body);
    expect(read).toStrictEqual({ ok: true, value: request });
  });

  test.each<[unknown, readonly (readonly [pointer: string, detail: string])[]]>([
    [null, [['', 'the document is empty']]],
    [[], [['', 'the document must be a map, not a list']]],
    [{ untill: 'latest' }, [['/untill', 'unknown key untill']]],
    [{ until: 'tomorrow' }, [['/until', 'until cannot be "tomorrow"']]],
    [{ until: '2013-07-01T00:00:00' }, [['/until', 'until cannot be "2013-07-01T00:00:00"']]],
    [{ params: [1] }, [['/params', 'params must be a map, not a list']]],
    [{ params: { x: 'y'.repeat(3_000_000) } }, [['/params', 'params is 3,000,008 bytes of JSON']]],
    [
      { fromStage: 'train' },
      [
        [
          '/reuseRun',
          'reuseRun is missing: fromStage needs the run whose earlier stages are reused',
        ],
      ],
    ],
    [
      { reuseRun: 'run_1' },
      [['/fromStage', 'fromStage is missing: reuseRun needs the first stage to run again']],
    ],
    [
      { fromStage: 'train', reuseRun: 'run_1', force: ['evaluate'] },
      [
        [
          '/force',
          'force has no effect with fromStage, which runs that stage and every later one; give one of them',
        ],
      ],
    ],
    [{ force: ['no stage'] }, [['/force/0', 'force[0] cannot be "no stage"']]],
    [
      { fromStage: '../train', reuseRun: 'x/../y' },
      [
        ['/fromStage', 'fromStage cannot be "../train"'],
        ['/reuseRun', 'reuseRun cannot be "x/../y"'],
      ],
    ],
    [
      { kind: 'x', input: {}, as: 'y' },
      [
        ['/kind', 'kind cannot be "x"'],
        ['/input', 'input must be text, not a map'],
        ['/as', 'as cannot be "y"'],
      ],
    ],
    [{ cache: 'no' }, [['/cache', 'cache must be true or false, not "no"']]],
    [{ reason: '' }, [['/reason', 'reason must not be empty']]],
    [{ reason: 'x'.repeat(501) }, [['/reason', 'reason must have at most 500 characters']]],
  ])('%.60j is refused', (body, expected) => {
    const read = readRunRequest(body);
    expect(read.ok ? [] : read.issues.map(({ pointer, detail }) => [pointer, detail])).toEqual(
      expected,
    );
  });

  test('suggests the key for a misspelt one', () => {
    expect(readRunRequest({ reuserun: 'run_1' })).toMatchObject({
      issues: [{ pointer: '/reuserun', didYouMean: 'reuseRun' }],
    });
  });
});
