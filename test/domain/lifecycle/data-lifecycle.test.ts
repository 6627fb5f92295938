import { toDocument } from '../../../domain/lifecycle/plan';
import { parseLifecycle } from '../../../domain/lifecycle/document';
import { loosenings } from '../../../domain/lifecycle/loosenings';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import { computeDigest } from '../../../data/digest';

const program = {
  project: 'reports',
  build: computeDigest('build'),
  params: null,
  stages: {},
  steps: {},
  files: {},
  environment: null,
};
const document = (spec: object) => ({
  apiVersion: 'perennial.dev/v1',
  kind: 'DataLifecycle',
  metadata: { name: 'report', owner: 'ada' },
  spec: { program, ...spec },
});
const parse = (spec: object) =>
  parseLifecycle({ document: document(spec), fileName: 'perennial.config.ts', files: {} });

function readSpec(given: object): LifecycleSpec {
  const parsed = parse(given);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.spec;
}

const data = { sources: { orders: { uri: 'sample://orders' } } };

test('a lifecycle without a model has sources, a schedule and no window', () => {
  const spec = readSpec({ data, schedule: { cron: '0 6 * * *' } });
  expect(spec).toMatchObject({
    kind: 'DataLifecycle',
    name: 'report',
    approval: { allowStarter: false },
    data: { sources: [{ name: 'orders', format: 'parquet', time: null }] },
  });
  expect(readSpec({})).toMatchObject({ data: null, schedule: null });
});

test('its document gives the same spec', () => {
  const spec = readSpec({ data });
  const again = parseLifecycle({ document: toDocument(spec), fileName: 'x', files: {} });
  expect(again).toMatchObject({ ok: true, spec });
});

test.each([
  ['promote', { promote: {} }, 'promote'],
  ['a time column', { data: { sources: { a: { uri: 'sample://a', time: 't' } } } }, 'time'],
  ['no source', { data: { sources: {} } }, 'has 0 sources'],
  [
    'a missing contract',
    { data: { sources: { a: { uri: 'sample://a', contract: 'c.yaml' } } } },
    'c.yaml',
  ],
])('%s is an error', (_, spec, text) => {
  const parsed = parse(spec);
  expect(parsed.ok).toBe(false);
  expect(JSON.stringify(parsed)).toContain(text);
});

test('letting the starter approve is a looser policy', () => {
  const of = (spec: LifecycleSpec) => ({ spec, contracts: {}, files: {} });
  const strict = of(readSpec({}));
  const loose = of(readSpec({ approval: { allowStarter: true } }));
  expect(loosenings(strict, loose).map(({ what }) => what)).toEqual(['spec.approval.allowStarter']);
  expect(loosenings(loose, strict)).toEqual([]);
});
