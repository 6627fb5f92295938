/** The files of a deployment, compared with the code. `npm run deploy:validate` has their tools. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { parseAllDocuments } from 'yaml';
import { taskQueues } from '../../workflows/run/messages';

const root = resolve(__dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
/** The files at a path, which is a file or a folder. */
const listFiles = (path: string): readonly string[] =>
  statSync(join(root, path)).isFile()
    ? [path]
    : readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
        .map((file) => join(path, file))
        .filter((file) => statSync(join(root, file)).isFile());
const readAll = (path: string): string => listFiles(path).map(read).join('\n');
const names = (text: string, pattern: RegExp): readonly string[] =>
  [...new Set(text.match(pattern))].sort();

describe('dashboards and alerts', () => {
  const used = names(
    read('infra/helm/perennial/alerts.yaml') + readAll('infra/grafana/dashboards'),
    /\b(perennial|process|nodejs)_[a-z0-9_]+/g,
  );

  test('query only metrics that the processes have', () => {
    const known = knownMetrics();
    expect(used.length).toBeGreaterThan(25);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
    expect(known.has('perennial_gateway_requests_sum')).toBe(false);
  });

  test('each query of a dashboard has its own title and a legend', () => {
    for (const file of listFiles('infra/grafana/dashboards')) {
      const { panels } = JSON.parse(read(file)) as Dashboard;
      expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
      for (const { targets } of panels)
        for (const { expr, legendFormat } of targets)
          expect([expr, legendFormat]).not.toContain('');
    }
  });
});

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

/** Names in definitions, each with the suffixes of its kind. */
function knownMetrics(): ReadonlySet<string> {
  const sources = readAll('apps') + readAll('workers');
  const known = new Set<string>();
  for (const [, kind, name = ''] of sources.matchAll(
    /new (Counter|Gauge|Histogram)\(\{\s*name: '(perennial_[a-z_]+)'/g,
  )) {
    if (kind !== 'Histogram') known.add(name);
    else for (const suffix of ['bucket', 'sum', 'count']) known.add(`${name}_${suffix}`);
  }
  for (const [, name = ''] of sources.matchAll(/^# TYPE (perennial_[a-z_]+) (?:gauge|counter)$/gm))
    known.add(name);
  for (const [, name = ''] of sources.matchAll(/gauge\(\s*'(perennial_[a-z_]+)'/g)) known.add(name);
  const defaults = new Registry();
  collectDefaultMetrics({ register: defaults });
  for (const { name } of defaults.getMetricsAsArray()) known.add(name);
  defaults.clear();
  return known;
}

describe('the settings of a deployment', () => {
  const documented = read('docs/reference/settings.md') + read('docs/guides/llm-server.md');

  test.each([
    ['compose', 'infra/compose.yaml'],
    ['the chart', 'infra/helm/perennial/templates'],
    ['the image', 'infra/image/Dockerfile'],
  ])('of %s are described', (_, pattern) => {
    const used = names(readAll(pattern), /\bPERENNIAL_[A-Z0-9_]+/g).filter(
      (name) => !['PERENNIAL_IMAGE'].includes(name),
    );
    expect(used.length).toBeGreaterThan(2);
    expect(used.filter((name) => !documented.includes(name))).toEqual([]);
  });

  test('that compose requires are in example.env and made by compose/secrets.sh', () => {
    const required = names(read('infra/compose.yaml'), /(?<=\$\{)[A-Z0-9_]+(?=:\?)/g);
    const listed = names(read('infra/compose/example.env'), /^[A-Z0-9_]+(?==)/gm);
    const made = names(read('infra/compose/secrets.sh'), /(?<=echo ")[A-Z0-9_]+(?==)/g);
    expect(required.length).toBeGreaterThan(5);
    expect([listed, made]).toEqual([required, required]);
  });
});

test.each([
  ['setup', ['command-keys']],
  ['api-1', ['command-keys', 'audit-key']],
  ['gateway-1', []],
  ['gateway-2', []],
  ['worker-1', ['command-keys', 'audit-key']],
  ['compute-1', ['command-keys']],
  ['compute-2', ['command-keys']],
])('compose gives %s only the keys that it reads', (name, keys) => {
  const [document] = parseAllDocuments(read('infra/compose.yaml'), { merge: true });
  const { services } = document?.toJS() as {
    readonly services: Readonly<
      Record<
        string,
        {
          readonly secrets?: readonly string[];
          readonly environment: Readonly<Record<string, string>>;
        }
      >
    >;
  };
  const { secrets = [], environment = {} } = services[name] ?? {};
  expect(secrets).toEqual(keys);
  const files = Object.values(environment).filter((value) => value.startsWith('/run/secrets/'));
  expect(files.sort()).toEqual(keys.map((key) => `/run/secrets/${key}`).sort());
  expect(environment['PERENNIAL_DATABASE_URL']).toContain('postgres://perennial_app:');
  expect('PERENNIAL_DATABASE_OWNER_URL' in environment).toBe(name === 'setup');
  // The metrics of setup and API name neither tenants nor models.
  expect('PERENNIAL_METRICS_TOKEN' in environment).toBe(!/^(setup|api)/.test(name));
});

test('the chart has a pool for every queue, by the names of the queues in Temporal', () => {
  const [values] = parseAllDocuments(read('infra/helm/perennial/values.yaml'));
  const { workers } = values?.toJS() as {
    readonly workers: Readonly<Record<string, { readonly queues: readonly string[] }>>;
  };
  expect(
    Object.values(workers)
      .flatMap(({ queues }) => queues)
      .sort(),
  ).toEqual(Object.values(taskQueues).sort());
});

test('prometheus scrapes every process of compose', () => {
  const services = names(read('infra/compose.yaml'), /^ {2}(api|gateway|worker|compute)-\d(?=:)/gm);
  expect(services).toHaveLength(8);
  for (const service of services)
    expect(read('infra/prometheus/prometheus.yaml')).toContain(`'${service.trim()}:`);
});
