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
    expect(addedText({ text: last, bytes: null }, { text: tail, bytes: null })).toBe(added);
  });

  const line = `${'same line '.repeat(50)}\n`;
  const full = line.repeat(30);
  test.each([
    ['the repeated line', { text: full, bytes: 90_000 }, full, 90_000 + line.length, line],
    ['nothing if the log did not grow', { text: full, bytes: 90_000 }, full, 90_000, ''],
    ['all with a mark where more was written', { text: 'b\n', bytes: 5 }, 'q\n', 9, '…\nq\n'],
    ['all of a log that began anew', { text: 'a\nb\n', bytes: 4 }, 'a\n', 2, '…\na\n'],
    [
      'what follows a secret in a log that fits',
      { text: 'token=***\n', bytes: 30 },
      'token=***\ntoken=***\n',
      60,
      'token=***\n',
    ],
    ['what follows letters of several bytes', { text: 'ä\n', bytes: 8 }, 'ä\nö\n', 11, 'ö\n'],
  ])('is, of a log of known size, %s', (_, last, text, bytes, added) => {
    expect(addedText(last, { text, bytes })).toBe(added);
  });

  test('is all with a mark after the job started again, even if its new log is longer', () => {
    const last = { text: 'starts\nstep 1\n', bytes: 14, attempt: 1 };
    const text = 'starts\nresumes\nstep 1\n';
    expect(addedText(last, { text, bytes: text.length, attempt: 2 })).toBe(`…\n${text}`);
  });

  test('is all with a mark where an unknown number of equal lines may have been added', () => {
    const last = { text: `first\n${full}`, bytes: null };
    expect(addedText(last, { text: `${full}${line}`, bytes: null })).toBe(`…\n${full}${line}`);
  });
});

const of = {
  tenant: 'default' as Tenant,
  runId: 'run_1' as RunId,
  key: 'run_1/train/job/1' as IdempotencyKey,
};

/** The data of the events that a reporter appends, with a clock that only the test moves. */
async function reported(
  work: (report: ReturnType<typeof outputReporter>) => Promise<void>,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const appended: Readonly<Record<string, unknown>>[] = [];
  const events = {
    append: ({ data }: { readonly data: Readonly<Record<string, unknown>> }) =>
      Promise.resolve(appended.push(data)),
  };
  await new MockActivityEnvironment().run(async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    try {
      await work(outputReporter({ events }, of));
    } finally {
      jest.useRealTimers();
    }
  });
  return appended;
}

test('a running job reports its output once, and a failed read does not fail it', async () => {
  const appended = await reported(async (report) => {
    const texts = ['a\n', 'a\n', 'a\nb\n'];
    for (const text of texts) {
      await report(() => Promise.resolve({ text, bytes: text.length }));
      await report(() => Promise.reject(new Error('asked too soon')));
      jest.advanceTimersByTime(2_000);
    }
    await report(() => Promise.reject(new Error('the engine is away')));
  });
  expect(appended).toEqual([
    { job: of.key, text: 'a\n', begins: true },
    { job: of.key, text: 'b\n', begins: false },
  ]);
});

test('the last event of a long output says that the stored log has the rest', async () => {
  const appended = await reported(async (report) => {
    const text = `${'x'.repeat(16_000)}\n`;
    for (let look = 1; look <= 40; look += 1) {
      await report(() => Promise.resolve({ text, bytes: look * text.length }));
      jest.advanceTimersByTime(2_000);
    }
  });
  const texts = appended.map((data) => String(data['text']));
  expect(texts.at(-1)).toBe('… the rest is in the stored log\n');
  expect(texts.slice(0, -1).join('').length).toBeGreaterThanOrEqual(512_000);
  expect(texts).toHaveLength(33);
});
