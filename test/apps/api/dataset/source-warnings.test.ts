import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceWarnings } from '../../../../apps/api/dataset/source-warnings';
import type { LifecycleSpec } from '../../../../domain/lifecycle/revision';
import { yamlDocument } from '../../../../domain/document/yaml-document.schema';

const folder = mkdtempSync(join(tmpdir(), 'source-warnings-'));
const inside = join(folder, 'inside');
const secret = join(folder, 'elsewhere', 'secret.csv');
const denied = [join(folder, 'inside', 'state')];
beforeAll(() => {
  for (const each of ['inside', 'elsewhere']) mkdirSync(join(folder, each));
  writeFileSync(secret, 'a\n');
  writeFileSync(join(inside, 'orders.csv'), 'a\n');
  symlinkSync(secret, join(inside, 'link.csv'));
  symlinkSync(inside, join(folder, 'alias'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function said(
  uri: string,
  roots: readonly string[] = [inside],
  kind: LifecycleSpec['kind'] = 'ModelLifecycle',
) {
  const { issueAt } = yamlDocument(
    `spec:\n  data:\n    sources:\n      orders: { uri: '${uri}' }\n`,
    'lifecycle.yaml',
  );
  const spec = { kind, data: { sources: [{ name: 'orders', uri, format: 'csv', time: null }] } };
  return sourceWarnings(
    { files: { roots, denied }, buckets: [{ bucket: 'lake', prefix: 'in/' }] },
    { spec: spec as unknown as LifecycleSpec, issueAt },
  );
}

describe('warnings about file sources when a lifecycle is applied', () => {
  test.each([
    ['a file below a root', `file://${inside}/orders.csv`, [inside]],
    ['a file below a root that is a link', `file://${inside}/orders.csv`, [join(folder, 'alias')]],
    ['a file that does not exist yet', `file://${inside}/later.csv`, [inside]],
    ['a URI that is not a file', 'https://example.com/orders.csv', [inside]],
    ['an object of an allowed bucket', 's3://lake/in/orders.csv', [inside]],
  ])('there are none about %s', async (_, uri, roots) => {
    expect(await said(uri, roots)).toEqual([]);
  });

  test('also cover the documents of a language application', async () => {
    expect(await said(`file://${secret}`, [inside], 'LlmLifecycle')).toHaveLength(1);
    const { issueAt } = yamlDocument('spec: {}', 'lifecycle.yaml');
    expect(
      await sourceWarnings(
        { files: { roots: [inside], denied }, buckets: [] },
        { spec: { kind: 'LlmLifecycle', data: null } as unknown as LifecycleSpec, issueAt },
      ),
    ).toEqual([]);
  });

  test.each([
    ['a file elsewhere', `file://${secret}`],
    ['a missing file elsewhere', 'file:///nowhere/orders.csv'],
    ['a link that leaves the root', `file://${inside}/link.csv`],
    ['a path that leaves the root', `file://${inside}/../elsewhere/secret.csv`],
  ])('name %s, with its line and the allowed folders', async (_, uri) => {
    expect(await said(uri)).toEqual([
      `lifecycle.yaml:4:17 the file is outside of the folders that sources may read, according to the settings of the API; move it below ${inside}, or add its folder to PERENNIAL_INGEST_ROOTS`,
    ]);
  });

  test.each([
    ['a name that begins with a dot', `file://${inside}/.env`, /begins with a dot/],
    [
      'an object of another bucket',
      's3://perennial/t/default/x.csv',
      /outside of the buckets.*below s3:\/\/lake\/in\/, or add its bucket/,
    ],
    [
      'a file of the platform that does not exist yet',
      `file://${inside}/state/run/later.pem`,
      /the platform's own state/,
    ],
  ])('name %s', async (_, uri, message) => {
    expect(await said(uri)).toEqual([expect.stringMatching(message)]);
  });
});
