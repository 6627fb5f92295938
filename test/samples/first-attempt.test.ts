import { join } from 'node:path';
import { readLifecycleFolder } from '../../apps/cli/lifecycle/folder';
import { firstAttempt } from '../../samples/flight-delay/demo';

const folder = readLifecycleFolder(join(__dirname, '..', '..', 'samples', 'flight-delay'), '.');

describe('the first attempt of flight-delay', () => {
  const attempt = firstAttempt(folder);

  test('lacks the two features of the time of the day, and no other', () => {
    const names = ['local_time', 'departures_in_hour'];
    const lines = (folder.files['sql/features.sql'] ?? '').split('\n');
    const kept = lines.filter((line) => !names.some((name) => line.includes(name)));
    expect(lines.length - kept.length).toBe(2);
    expect((attempt.files['sql/features.sql'] ?? '').split('\n')).toEqual(kept);
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
