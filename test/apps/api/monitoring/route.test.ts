import fastify from 'fastify';
import { validatorCompiler } from 'fastify-type-provider-zod';
import type { RouteDeps } from '../../../../apps/api/route-deps';
import { monitorRoutes } from '../../../../apps/api/monitoring/route';
import type { MonitorRecord } from '../../../../db/monitoring/records';
import { defaultTenant as tenant } from '../../../../domain/ids';
import { defaultMonitor } from '../../../../domain/lifecycle/sections/monitor-spec';
import type { MonitorAlarm } from '../../../../domain/monitoring/observation/monitor-results';
import { emptyMonitorState } from '../../../../domain/monitoring/observation/monitor-state';
import { noRetraining } from '../../../../domain/retraining/retraining';

const now = '2024-05-02T00:00:00.000Z';
const drift: MonitorAlarm = {
  key: 'drift:x',
  kind: 'drift',
  feature: 'x',
  title: '`x` drifted',
  since: now,
  effect: 0.3,
  size: '30 %',
  slice: null,
};

function buildMonitor(model: string, alarms: readonly MonitorAlarm[] | null): MonitorRecord {
  return {
    tenant,
    model,
    status: 'watching',
    state: emptyMonitorState,
    settings: { ...defaultMonitor, onAlarm: 'retrain' },
    results: alarms && { alarms, drift: [], skew: null },
    startedAt: now,
  } as unknown as MonitorRecord;
}

test('the list asks what starts a run only for monitors with open alarms', async () => {
  const asked: string[] = [];
  const items = [
    buildMonitor('new', null),
    buildMonitor('quiet', []),
    buildMonitor('drifting', [drift]),
  ];
  const registry = {
    monitors: { list: () => Promise.resolve({ items, nextPageToken: null }) },
    retrainings: {
      outlook({ lifecycle }: { readonly lifecycle: string }) {
        asked.push(lifecycle);
        return Promise.resolve({ state: noRetraining, otherRun: null, refused: null, now });
      },
    },
  };
  const app = fastify();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => JSON.stringify);
  app.addHook('onRequest', (request, _reply, done) => {
    Object.assign(request, { caller: { tenant } });
    done();
  });
  await app.register(monitorRoutes({ registry, guards: { viewer: {} } } as unknown as RouteDeps));
  const answer = await app.inject({ url: '/monitors' });
  const { items: shown } = answer.json<{
    items: readonly { model: string; alarms: readonly { triggers: string }[] }[];
  }>();
  await app.close();
  expect(shown.map(({ model, alarms }) => [model, alarms.map(({ triggers }) => triggers)])).toEqual(
    [
      ['new', []],
      ['quiet', []],
      ['drifting', ['an incident and a retraining run (onAlarm: retrain)']],
    ],
  );
  expect(asked).toEqual(['drifting']);
});
