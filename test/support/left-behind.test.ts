import { storeOf } from './leftovers';

test('a product whose workers did not come back is told from one that left something', () => {
  expect(() => storeOf({ pids: () => [] })).toThrow(
    'no worker of the product is running, or came back',
  );
});
