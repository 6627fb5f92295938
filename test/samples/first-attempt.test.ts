import { join } from 'node:path';
import { readLifecycleFolder } from '../../apps/cli/lifecycle/folder';
import { firstAttempt } from '../../samples/flight-delay/demo';

const folder = readLifecycleFolder(join(__dirname, '..', '..', 'samples', 'flight-delay'), '.');

describe('the first attempt of flight-delay', () => {
  const attempt = firstAttempt(folder);

  test('knows less of the time of the day, and needs the same columns of a request', () => {
    const [whole, first] = [folder, attempt].map(({ files }) => files['sql/features.sql'] ?? '');
    expect(whole).toContain('AS local_time');
    expect(first).not.toContain('AS local_time');
    const lines = (text = '') =>
      text.split('\n').filter((line) => !/local_time|before_six/.test(line));
    expect(lines(first)).toEqual(lines(whole));
    for (const column of ['scheduled_hour', 'scheduled_minute', 'departures_in_hour'])
      expect(first).toContain(column);
  });

  test('must only be better than chance, and is the sample in all else', () => {
    expect(attempt.document).toMatchObject({
      spec: {
        evaluate: {
          gates: expect.arrayContaining([
            expect.objectContaining({ name: 'useful', min: 0.5 }),
          ]) as unknown,
        },
      },
    });
    expect(attempt.files['sql/assemble.sql']).toBe(folder.files['sql/assemble.sql']);
  });
});
