import { LRUCache } from 'lru-cache';
import { cacheText } from '../cache-text';

/** Who reads metrics. `everyone` has neither a key nor the token for metrics. */
export type MetricsReader =
  | { readonly kind: 'everyone' }
  | { readonly kind: 'tenant'; readonly tenant: string }
  | { readonly kind: 'platform' };

/**
 * Labels whose values are not chosen by tenants. All others of a series with a tenant are left out
 * for everyone, so that a new label is not shown by accident.
 */
const openLabels = new Set([
  'process',
  'arm',
  'status',
  'limit',
  'outcome',
  'side',
  'mode',
  'kind',
  'le',
]);

/** Shows an alert that names are missing, because rules by model cannot fire without them. */
const withoutNames = `# HELP perennial_metrics_without_names 1 if the scrape sent no credential, so that series of tenants are added up.
# TYPE perennial_metrics_without_names gauge
perennial_metrics_without_names 1
`;

/**
 * The part of a text in Prometheus' format that a reader may see. A series belongs to a tenant if
 * it has the label `tenant`. Everyone sees the counters and histograms of all tenants added up,
 * and none of their gauges, which have no sum. A tenant sees its own series and those of no tenant.
 */
export function visibleMetrics(text: string, reader: MetricsReader): string {
  if (reader.kind === 'platform') return text;
  const blocks = text.split(/^(?=# HELP )/m);
  const visible =
    reader.kind === 'tenant'
      ? blocks.map((block) => keepSeriesFor(block, reader.tenant))
      : [...blocks.map(addUpTenants), withoutNames];
  return visible.filter((block) => block !== '').join('\n');
}

/** Computes the metrics at most ten times a second, and what each reader may see at most as often. */
export function openVisibleMetrics(
  compute: () => Promise<string>,
): (reader: MetricsReader) => Promise<string> {
  const all = cacheText({ perSecond: 10 }, compute);
  const views = new LRUCache<string, { readonly of: string; readonly view: string }>({ max: 100 });
  return async (reader) => {
    const text = await all();
    const key = reader.kind === 'tenant' ? `tenant ${reader.tenant}` : reader.kind;
    const known = views.get(key);
    if (known?.of === text) return known.view;
    const view = visibleMetrics(text, reader);
    views.set(key, { of: text, view });
    return view;
  };
}

interface Series {
  readonly name: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: string;
}

function keepSeriesFor(block: string, tenant: string): string {
  const lines = block.split('\n').filter((line) => line !== '');
  const seen = lines.filter((line) => {
    if (line.startsWith('#')) return true;
    const owner = readTenant(parseSeries(line));
    return owner === null || owner === tenant;
  });
  return joinLines(seen);
}

function addUpTenants(block: string): string {
  const lines = block.split('\n').filter((line) => line !== '');
  const head = lines.filter((line) => line.startsWith('#'));
  const isGauge = head.some((line) => /^# TYPE \S+ gauge$/.test(line));
  const open: string[] = [];
  const sums = new Map<string, number>();
  for (const line of lines.slice(head.length)) {
    const series = parseSeries(line);
    if (readTenant(series) === null) open.push(line);
    else if (!isGauge) {
      const labels = series.labels
        .filter(([name]) => openLabels.has(name))
        .map(([name, value]) => `${name}="${value}"`)
        .join(',');
      const place = labels === '' ? series.name : `${series.name}{${labels}}`;
      sums.set(place, (sums.get(place) ?? 0) + Number(series.value));
    }
  }
  return joinLines([...head, ...open, ...[...sums].map(([place, sum]) => `${place} ${sum}`)]);
}

/** A metric without series is left out. */
function joinLines(lines: readonly string[]): string {
  return lines.every((line) => line.startsWith('#')) ? '' : `${lines.join('\n')}\n`;
}

/** Values stay escaped, as they are written again. */
function parseSeries(line: string): Series {
  const end = line.lastIndexOf(' ');
  const start = line.indexOf('{');
  const value = line.slice(end + 1);
  if (start === -1) return { name: line.slice(0, end), labels: [], value };
  const labels = line.slice(start + 1, line.lastIndexOf('}'));
  return {
    name: line.slice(0, start),
    labels: [...labels.matchAll(/(?:^|,)(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, name = '', text = '']) => [name, text] as const,
    ),
    value,
  };
}

/** Null for a series that belongs to no tenant. */
function readTenant({ labels }: Series): string | null {
  return labels.find(([name]) => name === 'tenant')?.[1] ?? null;
}
