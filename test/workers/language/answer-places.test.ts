import { answerPlaces } from '../../../workers/language/answer-places';

const usual = 10_000;

test.each([
  ['as many as usual where files allow', { asked: null, usual, openFiles: 1_048_576 }, 10_000],
  ['as many as files allow', { asked: null, usual, openFiles: 4096 }, 1798],
  ['some in any case', { asked: null, usual, openFiles: 256 }, 16],
  ['what is asked for', { asked: 15_000, usual, openFiles: 65_536 }, 15_000],
  [
    'what is asked for where nobody knows the limit',
    { asked: 15_000, usual, openFiles: null },
    15_000,
  ],
])('%s', (_name, asked, places) => {
  expect(answerPlaces(asked)).toBe(places);
});

test('more than open files can carry is refused before the gateway starts, with what to do', () => {
  expect(() => answerPlaces({ asked: 15_000, usual, openFiles: 20_000 })).toThrow(
    expect.objectContaining({
      type: 'InvalidInput',
      message:
        'PERENNIAL_GATEWAY_MAX_ANSWERS=15000 needs 30500 open files, and this process may have 20000',
      next: expect.stringContaining('at most 9750') as string,
    }) as Error,
  );
});
