import { z } from 'zod';
import { serializeResponse } from '../../../apps/api/response';

const view = z.object({ id: z.string(), items: z.array(z.object({ rows: z.number() })) });

const serialize = serializeResponse({
  schema: view,
  method: 'GET',
  url: '/things/:id',
  httpStatus: '200',
});

describe('a response', () => {
  test('has nothing that its schema does not name, at any depth', () => {
    const record = { id: 'a', secret: 'x', items: [{ rows: 1, secret: 'y' }] };
    expect(serialize(record)).toBe('{"id":"a","items":[{"rows":1}]}');
  });

  test('that does not fit its schema is an error that names the operation', () => {
    expect(() => serialize({ id: 'a', items: [{ rows: '1' }] })).toThrow(
      'the 200 response of GET /things/:id does not fit its schema',
    );
  });
});
