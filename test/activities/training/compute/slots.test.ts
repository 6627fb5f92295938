import { createSlots } from '../../../../activities/training/compute/local/slots';

const forever = new AbortController().signal;

test('gives at most `size` slots, in the order of the requests', async () => {
  const slots = createSlots(2);
  const order: string[] = [];
  const first = await slots.take(forever);
  await slots.take(forever);
  const third = slots.take(forever).then((release) => (order.push('third'), release));
  const fourth = slots.take(forever).then((release) => (order.push('fourth'), release));
  await Promise.resolve();
  expect(order).toEqual([]);
  first();
  first();
  const releaseThird = await third;
  expect(order).toEqual(['third']);
  releaseThird();
  await fourth;
  expect(order).toEqual(['third', 'fourth']);
});

test('an aborted request uses no slot', async () => {
  const slots = createSlots(1);
  const release = await slots.take(forever);
  const impatient = new AbortController();
  const waiting = slots.take(impatient.signal);
  impatient.abort(new Error('gave up'));
  await expect(waiting).rejects.toThrow('gave up');
  release();
  await expect(slots.take(forever)).resolves.toBeDefined();
});
