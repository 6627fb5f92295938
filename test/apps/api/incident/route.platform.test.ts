import type { Incident } from '../../../../domain/incident/incident';
import { tenant } from '../../../db/registry-fixture';
import { cliAgainst } from '../../cli/fake-api';
import { openApiWorld, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

const raise = async (model: string) => {
  const { incident } = await world.registry.incidents.raise({
    tenant,
    model,
    version: 3,
    kind: 'quality',
    key: 'quality',
    severity: 'critical',
    title: 'logloss rose by 9 %',
    story: {
      what: 'The log loss is higher than on the holdout.',
      since: '2013-06-01T00:00:00Z',
      howLarge: '0.41 instead of 0.38',
      features: [],
      slice: 'origin = JFK',
      dataVersion: null,
      engineDid: 'It started a retraining.',
      waitsFor: 'A person must approve the promotion.',
    },
  });
  return incident.id;
};

test('lists, shows, acknowledges and resolves incidents', async () => {
  const id = await raise('served');
  const list = (query: string) =>
    world.call<{ items: readonly Incident[] }>('GET', `/incidents?${query}`, { as: 'viewer' });
  expect((await list('model=served&status=open')).body.items.map((each) => each.id)).toEqual([id]);
  expect(await world.call('GET', `/incidents/${id}`, { as: 'viewer' })).toMatchObject({
    status: 200,
    body: {
      model: 'served',
      severity: 'critical',
      story: { slice: 'origin = JFK' },
      link: 'https://pages.test/monitoring/served',
    },
  });
  const act = (verb: string, as: 'viewer' | 'operator') =>
    world.call('POST', `/incidents/${id}/${verb}`, { as, body: { reason: 'on it' } });
  expect((await act('acknowledge', 'viewer')).status).toBe(403);
  expect(await act('acknowledge', 'operator')).toMatchObject({
    status: 200,
    body: { status: 'acknowledged' },
  });
  expect(await act('resolve', 'operator')).toMatchObject({ body: { because: 'on it' } });
  expect((await act('acknowledge', 'operator')).status).toBe(409);
  expect((await list('model=served&status=open')).body.items).toEqual([]);
});

test('refuses unknown incidents and invalid requests', async () => {
  expect((await world.call('GET', '/incidents/inc_0', { as: 'viewer' })).status).toBe(404);
  expect((await world.call('GET', '/incidents/run_0', { as: 'viewer' })).status).toBe(422);
  expect((await world.call('GET', '/incidents?status=lost', { as: 'viewer' })).status).toBe(422);
  const without = await world.call('POST', '/incidents/inc_0/resolve', {
    as: 'operator',
    body: {},
  });
  expect(without.status).toBe(422);
});

test('the command line lists, shows, acknowledges and resolves', async () => {
  const id = await raise('shown');
  const cli = (...args: readonly string[]) =>
    cliAgainst({ apiUrl: world.url, apiKey: world.keys.operator }, ['incident', ...args]);
  const listed = await cli('list', '--model', 'shown');
  expect(listed.stdout).toMatch(
    new RegExp(`^${id} +shown +quality +critical +open +\\S+ +logloss rose by 9 %$`, 'm'),
  );
  expect((await cli('ack', id)).stderr).toBe(`${id} is acknowledged\n`);
  expect((await cli('resolve', id)).exitCode).toBe(2);
  expect((await cli('resolve', id, '--reason', 'retrained')).stderr).toBe(`${id} is resolved\n`);
  const shown = await cli('show', id);
  for (const line of [
    'shown: logloss rose by 9 %',
    `${id}: quality, critical, resolved, version 3`,
    'What changed   The log loss is higher than on the holdout.',
    'Waits for      A person must approve the promotion.',
    'More           https://pages.test/monitoring/shown',
  ])
    expect(shown.stdout).toContain(line);
  expect(shown.stdout).toMatch(/^Resolved +\S+ by operator: retrained$/m);
});
