import { pollPages, pollPagesWhile } from '../../../apps/web/src/api/polling';

const list = (pages: number, status = 'success') => ({
  state: { status, data: { pages: new Array<unknown>(pages) } },
});

test('a list of many pages costs one request in each interval', () => {
  const poll = pollPages(5_000);
  expect(poll({ state: { status: 'pending' } })).toBe(5_000);
  for (const pages of [1, 25]) expect(poll(list(pages)) / pages).toBe(5_000);
});

test('a list that ended is read again only after a failure', () => {
  expect(pollPagesWhile(false, 5_000)(list(3))).toBe(false);
  expect(pollPagesWhile(true, 5_000)(list(3))).toBe(15_000);
  expect(pollPagesWhile(false, 5_000)(list(3, 'error'))).toBe(10_000);
});
