import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { openVisibleMetrics, visibleMetrics } from '../../../../apps/http/metrics/visible-metrics';

async function exampleText(): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'requests_total',
    help: 'Requests.',
    labelNames: ['tenant', 'model', 'status'],
    registers,
  });
  requests.inc({ tenant: 'acme', model: 'a', status: '200' }, 2);
  requests.inc({ tenant: 'acme', model: 'b', status: '200' }, 3);
  requests.inc({ tenant: 'other', model: 'a', status: '500' }, 4);
  const durations = new Histogram({
    name: 'duration_seconds',
    help: 'Durations.',
    labelNames: ['tenant', 'model'],
    buckets: [1],
    registers,
  });
  durations.observe({ tenant: 'acme', model: 'a' }, 0.5);
  durations.observe({ tenant: 'other', model: 'b' }, 2);
  const drift = new Gauge({
    name: 'drift',
    help: 'Drift.',
    labelNames: ['tenant', 'model', 'feature'],
    registers,
  });
  drift.set({ tenant: 'acme', model: 'a', feature: 'a "quoted} value", model="x' }, 1);
  new Gauge({ name: 'memory_bytes', help: 'Memory.', registers }).set(7);
  return registry.metrics();
}

const valuesIn = (text: string): readonly string[] =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('metrics that a caller may see', () => {
  test('without a credential are sums over tenants, without their gauges', async () => {
    expect(valuesIn(visibleMetrics(await exampleText(), { kind: 'everyone' }))).toEqual([
      'requests_total{status="200"} 5',
      'requests_total{status="500"} 4',
      'duration_seconds_bucket{le="1"} 1',
      'duration_seconds_bucket{le="+Inf"} 2',
      'duration_seconds_sum 2.5',
      'duration_seconds_count 2',
      'memory_bytes 7',
      'perennial_metrics_without_names 1',
    ]);
  });

  test('with a key are the series of its tenant and of no tenant', async () => {
    const seen = valuesIn(visibleMetrics(await exampleText(), { kind: 'tenant', tenant: 'acme' }));
    expect(seen).toHaveLength(8);
    expect(seen.filter((line) => !line.includes('tenant="acme"'))).toEqual(['memory_bytes 7']);
  });

  test('with the key of a tenant without series are those of no tenant', async () => {
    const reader = { kind: 'tenant', tenant: 'acm' } as const;
    expect(valuesIn(visibleMetrics(await exampleText(), reader))).toEqual(['memory_bytes 7']);
  });

  test('with the credential of the platform are all, unchanged', async () => {
    const text = await exampleText();
    expect(visibleMetrics(text, { kind: 'platform' })).toBe(text);
  });

  test('are computed once for many requests', async () => {
    let reads = 0;
    const read = openVisibleMetrics(() => {
      reads += 1;
      return exampleText();
    });
    for (let at = 0; at < 100; at += 1) await read({ kind: 'everyone' });
    expect(reads).toBeLessThanOrEqual(20);
    expect(await read({ kind: 'tenant', tenant: 'other' })).not.toContain('acme');
    expect(await read({ kind: 'tenant', tenant: 'acme' })).not.toContain('other');
  });
});

test('every metric with the name of a model or an index has its tenant, by which it is hidden', () => {
  const root = resolve(__dirname, '..', '..', '..', '..');
  const labelled = ['apps', 'workers'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => {
        const text = readFileSync(join(root, folder, file), 'utf8');
        return [...text.matchAll(/labelNames: (\[[^\]]*\])/g)].map(([, labels = '']) => labels);
      }),
  );
  const named = labelled.filter((labels) => /'(model|index|version|lifecycle)'/.test(labels));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((labels) => !labels.includes("'tenant'"))).toEqual([]);
});
