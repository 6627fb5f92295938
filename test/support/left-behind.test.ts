import { storeOf } from './leftovers';

test('missing workers are distinguished from leftovers', () => {
  expect(() => storeOf({ pids: () => [] })).toThrow(
    'no worker of the product is running, or came back',
  );
});
