import { compileRequestCodec } from '../../../../apps/gateway/inference/request-codec';
import { listRefusals } from '../../../../apps/gateway/inference/request-issue';
import type { ModelSignature } from '../../../../domain/model/model';

const signature: ModelSignature = {
  task: 'regression',
  request: [
    { name: 'carrier', type: 'string' },
    { name: 'distance', type: 'number' },
  ],
  features: [{ name: 'distance', type: 'float' }],
  output: 'score',
  entity: null,
  time: null,
};
const codec = compileRequestCodec({ model: 'flight-delay', signature, maxRows: 10 });

function refused(body: unknown): Error {
  try {
    codec.decode(body);
  } catch (error) {
    return error as Error;
  }
  throw new Error('the request was accepted');
}

const tensor = (name: string, datatype: string, data: readonly unknown[]) => ({
  name,
  datatype,
  shape: [data.length],
  data,
});
const carrier = tensor('carrier', 'BYTES', ['AA', 'UA']);

test.each<[string, unknown, readonly unknown[]]>([
  [
    'a row of another type',
    {
      rows: [
        { carrier: 'AA', distance: 'far' },
        { carrier: 'AA', distance: 'near' },
      ],
    },
    [{ reason: 'wrong-type', column: 'distance' }],
  ],
  [
    'a row with a renamed column',
    { rows: [{ carrier: 'AA', distnce: 1 }] },
    [
      { reason: 'unknown', column: null },
      { reason: 'missing', column: 'distance' },
    ],
  ],
  [
    'a tensor of another type',
    { inputs: [carrier, tensor('distance', 'BYTES', ['far', 'near'])] },
    [{ reason: 'wrong-type', column: 'distance' }],
  ],
  [
    'a tensor with a value of another type',
    { inputs: [carrier, tensor('distance', 'FP64', [1, 'near'])] },
    [{ reason: 'wrong-type', column: 'distance' }],
  ],
  ['a missing tensor', { inputs: [carrier] }, [{ reason: 'missing', column: 'distance' }]],
  ['a body without inputs', {}, [{ reason: 'malformed', column: null }]],
  ['another kind of body', [1], [{ reason: 'malformed', column: null }]],
])('%s is counted by its reason and its column, and never by a value', (_, body, refusals) => {
  const error = refused(body);
  expect(listRefusals(error)).toEqual(refusals);
  // The caller gets the issues alone.
  expect(JSON.stringify(error)).not.toContain('refusal');
});

const tooMany = new Array<number>(11).fill(1);

test.each<[string, unknown]>([
  ['rows', { rows: tooMany.map((distance) => ({ carrier: 'AA', distance })) }],
  [
    'tensors',
    {
      inputs: [
        tensor('carrier', 'BYTES', new Array(11).fill('AA')),
        tensor('distance', 'FP64', tooMany),
      ],
    },
  ],
])(
  'a body with more %s than the limit is not counted, because it may fit the signature',
  (_, body) => {
    expect(listRefusals(refused(body))).toEqual([]);
  },
);

test('another error has no refusals', () => {
  expect(listRefusals(new Error('the graph failed'))).toEqual([]);
  expect(listRefusals(null)).toEqual([]);
});
