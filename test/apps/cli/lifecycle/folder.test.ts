import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLifecycleFolder } from '../../../../apps/cli/lifecycle/folder';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-folder-'));
  mkdirSync(join(folder, 'flights', 'sql'), { recursive: true });
  writeFileSync(join(folder, 'flights', 'lifecycle.yaml'), 'kind: ModelLifecycle\n');
  writeFileSync(join(folder, 'flights', 'sql', 'features.sql'), 'SELECT 1');
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (given = 'flights') => readLifecycleFolder(folder, given);

describe('the folder of a lifecycle', () => {
  test('is read by its name or by its file, with only the SQL and YAML files in it', () => {
    writeFileSync(join(folder, 'flights', 'data.csv'), 'a,b\n');
    mkdirSync(join(folder, 'flights', '.hidden'));
    writeFileSync(join(folder, 'flights', '.hidden', 'x.sql'), 'SELECT 2');
    const expected = {
      fileName: 'lifecycle.yaml',
      document: 'kind: ModelLifecycle\n',
      files: { 'sql/features.sql': 'SELECT 1' },
    };
    expect(read()).toMatchObject(expected);
    expect(Object.keys(read('flights/lifecycle.yaml').files)).toEqual(['sql/features.sql']);
  });

  test('is read without large NDJSON tables, although cases are NDJSON', () => {
    mkdirSync(join(folder, 'flights', 'data'));
    writeFileSync(join(folder, 'flights', 'data', 'cases.ndjson'), '{}');
    writeFileSync(join(folder, 'flights', 'data', 'documents.ndjson'), 'x'.repeat((1 << 20) + 1));
    expect(Object.keys(read().files)).toEqual(['data/cases.ndjson', 'sql/features.sql']);
  });

  test('is read without following links that leave it', () => {
    writeFileSync(join(folder, 'secret.sql'), 'SELECT secret');
    symlinkSync(join(folder, 'secret.sql'), join(folder, 'flights', 'sql', 'link.sql'));
    expect(Object.keys(read().files)).toEqual(['sql/features.sql']);
    symlinkSync(join(folder, 'flights'), join(folder, 'linked'));
    expect(() => read('linked')).toThrow(/no file linked/);
  });

  test.each<[string, () => void, string, RegExp]>([
    ['that does not exist', () => undefined, 'nosuch', /nosuch does not exist/],
    [
      'without a lifecycle.yaml',
      () => rmSync(join(folder, 'flights', 'lifecycle.yaml')),
      'flights',
      /no file lifecycle.yaml/,
    ],
    [
      'with a file over 1 MiB',
      () => writeFileSync(join(folder, 'flights', 'big.sql'), 'x'.repeat((1 << 20) + 1)),
      'flights',
      /larger than 1 MiB/,
    ],
    [
      'with a file in another encoding',
      () =>
        writeFileSync(
          join(folder, 'flights', 'cases.ndjson'),
          Buffer.from('{"id":"1"}\n{"id":"caf\xe9"}\n', 'latin1'),
        ),
      'flights',
      /^flights: line 2 of cases\.ndjson is not valid UTF-8$/,
    ],
    [
      'with too many files',
      () =>
        Array.from({ length: 201 }, (_, i) =>
          writeFileSync(join(folder, 'flights', `${i}.sql`), ''),
        ),
      'flights',
      /more than 200/,
    ],
  ])('%s is a usage error', (_, change, given, message) => {
    change();
    expect(() => read(given)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
  });
});
