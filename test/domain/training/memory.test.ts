import { memoryAdvice, moreMemory } from '../../../domain/training/memory';

const gibibyte = 2 ** 30;

function shortage(
  asked: number,
  {
    allowed = asked,
    max,
    most,
  }: { readonly allowed?: number; readonly max?: number; readonly most?: number } = {},
) {
  return {
    resources: {
      memoryBytes: asked * gibibyte,
      ...(max !== undefined && { maxMemoryBytes: max * gibibyte }),
    },
    allowedBytes: allowed * gibibyte,
    mostBytes: most === undefined ? undefined : most * gibibyte,
  };
}

test.each([
  ['twice as much', shortage(2), 4],
  ['at most compute.maxMemory', shortage(2, { max: 3, most: 64 }), 3],
  ['at most what the machine has', shortage(2, { max: 64, most: 3 }), 3],
  ['no more at compute.maxMemory', shortage(2, { max: 2 }), null],
  ['no more on a machine without more', shortage(2, { most: 2 }), null],
  ['no more a second time', shortage(2, { allowed: 4 }), null],
])('a job whose memory ran out gets %s', (_, given, expected) => {
  expect(moreMemory(given)).toBe(expected === null ? null : expected * gibibyte);
});

test.each([
  [
    'both amounts',
    shortage(2, { allowed: 4 }),
    'Its memory ran out with 2GiB and again with 4GiB. Set compute.memory above 4GiB, or use less data',
  ],
  [
    'the limit of the spec',
    shortage(2, { max: 2 }),
    'It was not started again with more than 2GiB, because compute.maxMemory is 2GiB. ' +
      'Raise it, or use less data',
  ],
  [
    'the limit of the machine',
    shortage(2, { most: 2 }),
    'It was not started again with more than 2GiB, because the machine has 2GiB. ' +
      'Use a larger machine, or less data',
  ],
])('the error names %s', (_, given, expected) => {
  expect(memoryAdvice(given)).toBe(expected);
});
