import { findStore } from './leftovers';

test('missing workers are distinguished from leftovers', () => {
  expect(() => findStore({ pids: () => [] })).toThrow(
    'no worker of the product is running, or came back',
  );
});
