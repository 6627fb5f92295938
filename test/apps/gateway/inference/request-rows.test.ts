import { decodeRows } from '../../../../apps/gateway/inference/request-rows';
import { listFields } from '../../../../apps/gateway/inference/request-tensor';
import type { Issue } from '../../../../domain/failure';

test('a row with thousands of unknown keys reports the first hundred', () => {
  const fields = listFields({
    request: [{ name: 'distance', type: 'number' }],
    entity: null,
    time: null,
  });
  const row = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, number) => [`distance_${number}`, 1]),
  );
  const issues: Issue[] = [];
  decodeRows({ rows: [row], fields, model: 'flight-delay', maxRows: 1, issues });
  expect(issues.length).toBeLessThanOrEqual(101);
  expect(issues[0]).toMatchObject({ pointer: '/rows/0', didYouMean: 'distance' });
});
