import { maxConcurrentAnswers } from '../../../workers/language/answer-limit';

const usual = 10_000;

test.each([
  [
    'the default if the limit of open files allows it',
    { asked: null, usual, openFiles: 1_048_576 },
    10_000,
  ],
  ['as many as the limit of open files allows', { asked: null, usual, openFiles: 4096 }, 1798],
  ['a minimum in any case', { asked: null, usual, openFiles: 256 }, 16],
  ['the configured number', { asked: 15_000, usual, openFiles: 65_536 }, 15_000],
  [
    'the configured number if the limit is unknown',
    { asked: 15_000, usual, openFiles: null },
    15_000,
  ],
])('allows %s', (_name, asked, places) => {
  expect(maxConcurrentAnswers(asked)).toBe(places);
});

test('refuses more than the limit of open files allows before the gateway starts', () => {
  expect(() => maxConcurrentAnswers({ asked: 15_000, usual, openFiles: 20_000 })).toThrow(
    expect.objectContaining({
      type: 'InvalidInput',
      message:
        'PERENNIAL_GATEWAY_MAX_ANSWERS=15000 needs 30500 open files, ' +
        'but this process may open only 20000',
      next: expect.stringContaining('at most 9750') as string,
    }) as Error,
  );
});
