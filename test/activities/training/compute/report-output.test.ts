import { MockActivityEnvironment } from '@temporalio/testing';
import { addedText, outputReporter } from '../../../../activities/training/compute/report-output';
import type { IdempotencyKey, RunId, Tenant } from '../../../../domain/ids';

describe('the part of a log that is new', () => {
  test.each([
    ['the whole of a first look', '', 'a\n', 'a\n'],
    ['what follows the last look', 'a\n', 'a\nb\n', 'b\n'],
    ['nothing without a change', 'a\nb\n', 'a\nb\n', ''],
    [
      'what follows a long text of which the tail has the end',
      `${'x'.repeat(500)}\n${'y'.repeat(500)}\n`,
      `${'y'.repeat(500)}\nz\n`,
      'z\n',
    ],
    ['all with a mark where nothing of the last look is left', 'a\n', 'q\n', '…\nq\n'],
  ])('is %s', (_, last, tail, added) => {
    expect(addedText(last, tail)).toBe(added);
  });
});

test('a running job reports its output once, and a failed read does not fail it', async () => {
  const appended: Readonly<Record<string, unknown>>[] = [];
  const events = {
    append: ({ data }: { readonly data: Readonly<Record<string, unknown>> }) =>
      Promise.resolve(appended.push(data)),
  };
  const of = {
    tenant: 'default' as Tenant,
    runId: 'run_1' as RunId,
    key: 'run_1/train/job/1' as IdempotencyKey,
  };
  await new MockActivityEnvironment().run(async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    try {
      const report = outputReporter({ events }, of);
      const texts = ['a\n', 'a\n', 'a\nb\n'];
      for (const text of texts) {
        await report(() => Promise.resolve(text));
        await report(() => Promise.reject(new Error('asked too soon')));
        jest.advanceTimersByTime(2_000);
      }
      await report(() => Promise.reject(new Error('the engine is away')));
    } finally {
      jest.useRealTimers();
    }
  });
  expect(appended).toEqual([
    { job: of.key, text: 'a\n', begins: true },
    { job: of.key, text: 'b\n', begins: false },
  ]);
});
