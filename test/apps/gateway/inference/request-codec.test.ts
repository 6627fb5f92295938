import { compileRequestCodec } from '../../../../apps/gateway/inference/request-codec';
import { isPerennialError, type Issue } from '../../../../domain/failure';
import type { ModelSignature } from '../../../../domain/model/model';

const signature: ModelSignature = {
  task: 'classification',
  request: [
    { name: 'carrier', type: 'string' },
    { name: 'distance', type: 'number' },
    { name: 'seats', type: 'integer' },
    { name: 'weekend', type: 'boolean' },
    { name: 'scheduled_at', type: 'timestamp' },
  ],
  features: [],
  output: 'score',
  entity: 'tailnum',
  time: 'scheduled_at',
};
const codec = compileRequestCodec({ model: 'flight-delay', signature, maxRows: 4 });

const good = {
  carrier: { datatype: 'BYTES', data: ['AA', 'B6'] },
  distance: { datatype: 'FP64', data: [733.5, 1400] },
  seats: { datatype: 'INT64', data: [150, 20] },
  weekend: { datatype: 'BOOL', data: [true, false] },
  scheduled_at: { datatype: 'BYTES', data: ['2013-07-01T09:00:00Z', '2013-07-01T05:30:00-04:00'] },
};

function request(changes: Record<string, object | null> = {}, rest: object = {}): unknown {
  const tensors: Record<string, object | null> = { ...good, ...changes };
  const inputs = Object.entries(tensors)
    .filter(([, tensor]) => tensor !== null)
    .map(([name, tensor]) => ({ name, shape: [2, 1], ...tensor }));
  return { inputs, ...rest };
}

function listIssues(body: unknown): readonly Issue[] {
  try {
    codec.decode(body);
  } catch (error) {
    if (isPerennialError(error)) return error.issues;
    throw error;
  }
  return [];
}

describe('a request of the Open Inference Protocol', () => {
  test('gives one row for each position in the tensors', () => {
    const { rows, id } = codec.decode(request({}, { id: 'abc' }));
    expect(id).toBe('abc');
    expect(rows).toEqual([
      {
        carrier: 'AA',
        distance: 733.5,
        seats: 150,
        weekend: true,
        scheduled_at: '2013-07-01T09:00:00Z',
      },
      {
        carrier: 'B6',
        distance: 1400,
        seats: 20,
        weekend: false,
        scheduled_at: '2013-07-01T09:30:00Z',
      },
    ]);
  });

  test('may carry its values nested, its shape flat, and narrower numbers', () => {
    const { rows } = codec.decode(
      request({
        distance: { datatype: 'FP32', shape: [2], data: [1, 2] },
        seats: { datatype: 'INT32', data: [[1], [2]] },
      }),
    );
    expect(rows.map(({ distance, seats }) => [distance, seats])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test('may carry whole numbers as floats, and integers for a column of numbers', () => {
    const { rows } = codec.decode(
      request({
        distance: { datatype: 'INT64', data: [1, 2] },
        seats: { datatype: 'FP64', data: [150.0, 20] },
      }),
    );
    expect(rows.map(({ distance, seats }) => [distance, seats])).toEqual([
      [1, 150],
      [2, 20],
    ]);
  });

  test.each([
    ['carrier', 'BYTES', null],
    ['carrier', 'BYTES', '__missing__'],
    ['distance', 'FP64', null],
    ['distance', 'FP64', 'NaN'],
    ['seats', 'INT64', null],
    ['seats', 'INT64', 'NaN'],
    ['weekend', 'BOOL', null],
    ['scheduled_at', 'BYTES', null],
  ])('a missing %s can be sent as %s %p', (name, datatype, missing) => {
    const whole = good[name as keyof typeof good].data[1];
    const { rows } = codec.decode(request({ [name]: { datatype, data: [missing, whole] } }));
    expect(rows[0]?.[name]).toBeNull();
    expect(rows[1]?.[name]).not.toBeNull();
  });

  test('names entity and event time by parameters, for all rows', () => {
    const body = request(
      {},
      { parameters: { entity: 'N14228', event_time: '2013-07-01T00:00:00+02:00' } },
    );
    const { entities, eventTimes } = codec.decode(body);
    expect(entities).toEqual(['N14228', 'N14228']);
    // The features read the time column, so its values take precedence.
    expect(eventTimes).toEqual(['2013-07-01T09:00:00Z', '2013-07-01T09:30:00Z']);
  });

  test('names entities row by row by a tensor that no feature reads', () => {
    const { entities, rows } = codec.decode(
      request(
        { tailnum: { datatype: 'BYTES', data: ['N1', null] } },
        { parameters: { entity: 'N9' } },
      ),
    );
    expect(entities).toEqual(['N1', null]);
    expect(rows[0]).not.toHaveProperty('tailnum');
  });

  test('chooses its outputs', () => {
    expect(codec.decode(request({}, { outputs: [{ name: 'score' }] })).outputs).toEqual(
      new Set(['score']),
    );
    expect(codec.decode(request()).outputs).toEqual(new Set(['score', 'prediction_id']));
  });

  test('names the outputs that are binary', () => {
    const score = { name: 'score', parameters: { binary_data: true } };
    expect(codec.decode(request()).binaryOutputs.size).toBe(0);
    expect(
      codec.decode(request({}, { outputs: [score, { name: 'prediction_id' }] })).binaryOutputs,
    ).toEqual(new Set(['score']));
    const all = { parameters: { binary_data_output: true } };
    expect(codec.decode(request({}, all)).binaryOutputs).toEqual(
      new Set(['score', 'prediction_id']),
    );
    const text = { name: 'prediction_id', parameters: { binary_data: false } };
    expect(codec.decode(request({}, { ...all, outputs: [score, text] })).binaryOutputs).toEqual(
      new Set(['score']),
    );
  });
});

const row = {
  carrier: 'AA',
  distance: 733.5,
  seats: 150,
  weekend: true,
  scheduled_at: '2013-07-01T09:00:00Z',
};

describe('a request of plain rows', () => {
  test('is equivalent to a request of tensors', () => {
    const second = {
      carrier: 'B6',
      distance: 1400,
      seats: 20,
      weekend: false,
      scheduled_at: '2013-07-01T05:30:00-04:00',
    };
    const { id, ...rest } = codec.decode({ id: 'abc', rows: [row, second] });
    expect(id).toBe('abc');
    expect(rest).toEqual({ ...codec.decode(request()), id: undefined });
  });

  test('may name its entity in some rows', () => {
    const { entities } = codec.decode({
      rows: [row, { ...row, tailnum: 'N1' }],
      parameters: { entity: 'N9' },
    });
    expect(entities).toEqual([null, 'N1']);
  });

  test('may have missing values, as null', () => {
    expect(codec.decode({ rows: [{ ...row, distance: null }] }).rows[0]?.['distance']).toBeNull();
  });

  const { distance: _distance, ...short } = row;
  test.each<[string, unknown, string, string]>([
    [
      'not a list',
      { rows: row },
      '/rows',
      '`rows` is an object; expected an array of JSON objects, one per row',
    ],
    ['no rows', { rows: [] }, '/rows', 'the request has no rows'],
    [
      'a list for a row',
      { rows: [[1]] },
      '/rows/0',
      'row 0 is an array; expected a JSON object with one key per column',
    ],
    [
      'too many rows',
      { rows: [row, row, row, row, row] },
      '/rows',
      'the request has 5 rows; the limit is 4 rows per request',
    ],
    [
      'tensors beside rows',
      { rows: [row], inputs: [] },
      '/rows',
      'the request has both `inputs` and `rows`; send one of them',
    ],
    [
      'a column that is left out',
      { rows: [row, short] },
      '/rows/1',
      'row 1 has no `distance`; expected a finite number; null or "NaN" when missing',
    ],
    [
      'a misspelt column',
      { rows: [{ ...short, distnace: 7 }] },
      '/rows/0',
      '`distnace` is not a request column of flight-delay; did you mean `distance`?',
    ],
    [
      'a value of another type',
      { rows: [{ ...row, seats: 1.5 }] },
      '/rows/0/seats',
      '`seats` of row 0 is a number; expected a whole number within ±9007199254740991; null or "NaN" when missing',
    ],
  ])('%s', (_name, body, pointer, detail) => {
    expect(listIssues(body)).toContainEqual(expect.objectContaining({ pointer, detail }));
  });
});

describe('an invalid request', () => {
  test.each<[string, unknown, string, string]>([
    [
      'a body that is not an object',
      'hello',
      '',
      'the body must be a JSON object with `inputs`; got text',
    ],
    ['an array', [1], '', 'the body must be a JSON object with `inputs`; got an array'],
    [
      'no inputs',
      { input: [] },
      '/inputs',
      '`inputs` is missing; expected an array with one tensor for each of carrier (BYTES), distance (FP64), seats (INT64), weekend (BOOL), scheduled_at (BYTES), or `rows` of JSON objects',
    ],
    [
      'inputs of another kind',
      { inputs: 'x' },
      '/inputs',
      '`inputs` is text; expected an array with one tensor for each of carrier (BYTES), distance (FP64), seats (INT64), weekend (BOOL), scheduled_at (BYTES), or `rows` of JSON objects',
    ],
    [
      'an input without a name',
      { inputs: [{ shape: [1] }] },
      '/inputs/0',
      'an input must be an object with `name`, `shape`, `datatype` and `data`',
    ],
    [
      'a missing tensor',
      request({ distance: null }),
      '/inputs',
      'tensor `distance` is missing; expected datatype FP64 or another numeric datatype and shape [rows, 1]',
    ],
    [
      'a misspelt tensor',
      request({ distnace: good.distance }),
      '/inputs/5',
      'tensor `distnace` is not a request column of flight-delay; did you mean `distance`?',
    ],
    [
      'a foreign tensor',
      request({ altitude: good.distance }),
      '/inputs/5',
      'tensor `altitude` is not a request column of flight-delay; the columns are carrier, distance, seats, weekend, scheduled_at, tailnum',
    ],
    [
      'another datatype',
      request({ distance: { datatype: 'BYTES', data: [1, 2] } }),
      '/inputs/1/datatype',
      'tensor `distance` has datatype BYTES; expected FP64 or another numeric datatype',
    ],
    [
      'no datatype',
      request({ distance: { data: [1, 2] } }),
      '/inputs/1/datatype',
      'tensor `distance` has no datatype; expected FP64 or another numeric datatype',
    ],
    [
      'a matrix',
      request({ distance: { datatype: 'FP64', shape: [2, 2], data: [1, 2] } }),
      '/inputs/1/shape',
      'tensor `distance` has shape [2,2]; expected [rows] or [rows, 1]',
    ],
    [
      'a negative shape',
      request({ distance: { datatype: 'FP64', shape: [-1, 1], data: [1, 2] } }),
      '/inputs/1/shape',
      'tensor `distance` has shape [-1,1]; expected [rows] or [rows, 1]',
    ],
    [
      'no shape',
      request({ distance: { datatype: 'FP64', shape: null, data: [1, 2] } }),
      '/inputs/1/shape',
      'tensor `distance` has no shape; expected [rows] or [rows, 1]',
    ],
    [
      'fewer values than rows',
      request({ distance: { datatype: 'FP64', data: [1] } }),
      '/inputs/1/data',
      'tensor `distance` has 1 value for 2 rows',
    ],
    [
      'no data',
      request({ distance: { datatype: 'FP64' } }),
      '/inputs/1/data',
      'tensor `distance` has no `data`; expected a JSON array of values',
    ],
    [
      'binary data that did not come',
      request({ distance: { datatype: 'FP64', parameters: { binary_data_size: 16 } } }),
      '/inputs/1/data',
      'tensor `distance` has `binary_data_size` but the request has no binary part; send the header Inference-Header-Content-Length',
    ],
    [
      'ragged tensors',
      request({ distance: { datatype: 'FP64', shape: [1], data: [1] } }),
      '/inputs/1/shape',
      'tensor `distance` has 1 row and `carrier` has 2; every tensor must have the same number of rows',
    ],
    [
      'text for a number',
      request({ distance: { datatype: 'FP64', data: [1, 'far'] } }),
      '/inputs/1/data/1',
      'tensor `distance` row 1 is text; expected a finite number; null or "NaN" when missing',
    ],
    [
      'a fraction for an integer',
      request({ seats: { datatype: 'INT64', data: [1.5, 2] } }),
      '/inputs/2/data/0',
      'tensor `seats` row 0 is a number; expected a whole number within ±9007199254740991; null or "NaN" when missing',
    ],
    [
      'an integer that JSON rounds',
      request({ seats: { datatype: 'INT64', data: [2 ** 60, 2] } }),
      '/inputs/2/data/0',
      'tensor `seats` row 0 is a number; expected a whole number within ±9007199254740991; null or "NaN" when missing',
    ],
    [
      'an infinity',
      request({ distance: { datatype: 'FP64', data: [JSON.parse('1e999'), 2] } }),
      '/inputs/1/data/0',
      'tensor `distance` row 0 is infinite; expected a finite number; null or "NaN" when missing',
    ],
    [
      'a number for text',
      request({ carrier: { datatype: 'BYTES', data: [7, 'AA'] } }),
      '/inputs/0/data/0',
      'tensor `carrier` row 0 is a number; expected text without U+0000 or a lone surrogate; null when missing',
    ],
    [
      'text that no database keeps',
      request({ carrier: { datatype: 'BYTES', data: ['A\0', 'AA'] } }),
      '/inputs/0/data/0',
      'tensor `carrier` row 0 is text; expected text without U+0000 or a lone surrogate; null when missing',
    ],
    [
      'a number for a boolean',
      request({ weekend: { datatype: 'BOOL', data: [1, true] } }),
      '/inputs/3/data/0',
      'tensor `weekend` row 0 is a number; expected true or false; null when missing',
    ],
    [
      'a time without an offset',
      request({ scheduled_at: { datatype: 'BYTES', data: ['2013-07-01T09:00:00', null] } }),
      '/inputs/4/data/0',
      'tensor `scheduled_at` row 0 is text; expected an RFC 3339 time from year 0001 with its offset, such as "2013-07-01T09:00:00Z"; null when missing',
    ],
    [
      'a day that does not exist',
      request({ scheduled_at: { datatype: 'BYTES', data: ['2013-02-30T09:00:00Z', null] } }),
      '/inputs/4/data/0',
      'tensor `scheduled_at` row 0 is text; expected an RFC 3339 time from year 0001 with its offset, such as "2013-07-01T09:00:00Z"; null when missing',
    ],
    [
      'an unknown output',
      request({}, { outputs: [{ name: 'scores' }] }),
      '/outputs/0',
      '`scores` is no output; the outputs are `score` and `prediction_id`',
    ],
    [
      'an entity that is not text',
      request({}, { parameters: { entity: 7 } }),
      '/parameters/entity',
      'parameter `entity` is a number; expected text',
    ],
    [
      'an invalid event time',
      request({}, { parameters: { event_time: 'today' } }),
      '/parameters/event_time',
      'parameter `event_time` is text; expected an RFC 3339 time from year 0001 with its offset, such as "2013-07-01T09:00:00Z"; null when missing',
    ],
    [
      'an event time before year 0001, which PostgreSQL does not have',
      request({}, { parameters: { event_time: '0001-01-01T00:00:00+01:00' } }),
      '/parameters/event_time',
      'parameter `event_time` is text; expected an RFC 3339 time from year 0001 with its offset, such as "2013-07-01T09:00:00Z"; null when missing',
    ],
    [
      'an entity of 100,000 characters',
      request({}, { parameters: { entity: 'N'.repeat(100_000) } }),
      '/inputs',
      'an entity has more than 500 characters',
    ],
    [
      'such an entity in a tensor',
      request({ tailnum: { datatype: 'BYTES', data: ['N1', 'N'.repeat(501)] } }),
      '/inputs',
      'an entity has more than 500 characters',
    ],
    [
      'an id that is not text',
      request({}, { id: 7 }),
      '/id',
      '`id` must be text of at most 256 characters',
    ],
  ])('%s', (_name, body, pointer, detail) => {
    expect(listIssues(body)).toContainEqual(expect.objectContaining({ pointer, detail }));
  });

  test('reports all errors at once', () => {
    const issues = listIssues(
      request({ distance: null, seats: { datatype: 'BYTES', data: [1, 2] }, carier: good.carrier }),
    );
    expect(issues.map(({ pointer }) => pointer)).toEqual([
      '/inputs/1/datatype',
      '/inputs/4',
      '/inputs',
    ]);
  });

  test('counts too many rows without reading them', () => {
    const many = { datatype: 'FP64', shape: [5, 1], data: [1, 2, 3, 4, 5] };
    expect(listIssues(request({ distance: many }))[0]?.detail).toBe(
      'tensor `distance` has 5 rows; the limit is 4 rows per request',
    );
  });

  test('is one without rows', () => {
    const none = { shape: [0, 1], data: [] };
    const empty = Object.fromEntries(
      Object.entries(good).map(([name, { datatype }]) => [name, { datatype, ...none }]),
    );
    expect(listIssues(request(empty)).map(({ detail }) => detail)).toEqual([
      'the request has no rows',
    ]);
  });

  test('is one with a duplicate tensor', () => {
    const body = request() as { inputs: unknown[] };
    expect(listIssues({ inputs: [...body.inputs, body.inputs[0]] })[0]?.detail).toBe(
      'tensor `carrier` is given twice',
    );
  });

  test('has errors that never repeat a value', () => {
    const issues = listIssues(
      request({ distance: { datatype: 'FP64', data: ['secret', 'hidden'] } }),
    );
    expect(JSON.stringify(issues)).not.toMatch(/secret|hidden/);
  });
});
