import { connect, type Socket } from 'node:net';
import { Registry as Metrics } from 'prom-client';
import { openHealthServer, type HealthServer } from '../../workers/health-server';
import { measureMonitors } from '../../workers/maintenance/monitor-metrics';
import type { Tenant } from '../../domain/ids';
import { livezDuring } from '../support/process/livez';
import { metricsToken as token } from '../support/serving/scrape';
import { until } from '../support/time/until';

let metrics: Metrics;
let server: HealthServer;
beforeEach(async () => {
  metrics = new Metrics();
  server = await openHealthServer({
    bind: '127.0.0.1',
    port: 0,
    ready: () => true,
    metrics,
    metricsToken: token,
  });
});
afterEach(() => server.close());

const openIncidents = {
  tenant: 'acme' as Tenant,
  model: 'secret-project',
  kind: 'drift',
  severity: 'critical',
  incidents: 2,
} as const;

describe('/metrics of a worker', () => {
  const incident =
    'perennial_incidents_open{tenant="acme",model="secret-project",kind="drift",severity="critical"} 2';
  const read = (credential?: string): Promise<Response> =>
    fetch(`${server.url}/metrics`, {
      headers: credential === undefined ? {} : { authorization: `Bearer ${credential}` },
    });

  beforeEach(() => {
    measureMonitors(
      metrics,
      { figures: () => Promise.resolve([]) },
      { openCounts: () => Promise.resolve([openIncidents]) },
    );
  });

  test('names a model of a tenant only to who has the token', async () => {
    const open = await (await read()).text();
    expect(open).not.toMatch(/acme|secret-project|perennial_incidents_open\{/);
    expect(open).toContain('\nperennial_metrics_without_names 1\n');
    expect(open).toContain('\nperennial_log_lines_dropped_total 0\n');
    expect(await (await read(token)).text()).toContain(`\n${incident}\n`);
  });

  test('refuses a wrong token, with the setting that has the right one', async () => {
    const answer = await read(`${token}x`);
    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain('PERENNIAL_METRICS_TOKEN');
  });
});

test('/livez of a worker answers while 300 callers never finish their requests', async () => {
  const { hostname, port } = new URL(server.url);
  const stalled: Socket[] = [];
  try {
    for (let at = 0; at < 300; at += 1) {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      stalled.push(socket);
    }
    await until(() => stalled.every((socket) => !socket.connecting));
    const { value } = await livezDuring(server.url, 1_000, async () => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, async () => (await fetch(`${server.url}/metrics`)).status),
      );
      return new Set(answers);
    });
    expect([...value]).toEqual([200]);
  } finally {
    for (const socket of stalled) socket.destroy();
  }
});
