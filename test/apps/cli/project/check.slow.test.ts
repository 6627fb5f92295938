/** `perennial deploy --check` with runs that the API cannot show. */
import { removeProject, writeProject } from '../../../support/project/folder';
import { openFakeApi, refuse, type FakeApi } from '../fake-api';

jest.setTimeout(60_000);

let api: FakeApi;
let folder: string;
beforeEach(async () => {
  api = await openFakeApi();
  folder = writeProject();
});
afterEach(async () => {
  await api.close();
  removeProject(folder);
});

const event = (eventType: string) => ({ eventId: '1', eventType: `EVENT_TYPE_${eventType}` });
const history = (...events: readonly object[]) => ({ workflowId: 'w', history: { events } });

function open(...ids: readonly string[]): void {
  const items = ids.map((id) => ({ id, lifecycle: 'churn' }));
  for (const status of ['running', 'waiting', 'paused'])
    api.routes.set(`GET /runs?lifecycle=churn&status=${status}&pageSize=200`, {
      items: status === 'waiting' ? items : [],
      nextPageToken: null,
    });
}

test('continues after a run whose history is missing or has an error', async () => {
  open('run_begun', 'run_gone', 'run_odd', 'run_empty');
  api.routes.set('GET /runs/run_begun/history', history(event('WORKFLOW_EXECUTION_STARTED')));
  api.routes.set('GET /runs/run_odd/history', history(event('WORKFLOW_TASK_COMPLETED')));
  api.routes.set('GET /runs/run_empty/history', { workflowId: 'w', history: {} });
  const { exitCode, stdout, stderr } = await api.cli('deploy', '--check', '--json', folder);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    runs: [
      { run: 'run_begun', lifecycle: 'churn', kind: 'continues' },
      { run: 'run_gone', kind: 'notChecked', cause: 'there is no /runs/run_gone/history' },
      { run: 'run_odd', kind: 'notChecked', cause: expect.stringMatching(/./) as string },
      { run: 'run_empty', kind: 'notChecked', cause: 'the history has no events' },
    ],
  });
  const { stderr: lines } = await api.cli('deploy', '--check', folder);
  expect(lines).toContain(
    '1 of 4 open runs could continue on this build; 3 could not be checked. ' +
      'A deploy moves none of them: each finishes on the build with which it started',
  );
});

test('ends when the key may not read histories', async () => {
  open('run_1', 'run_2');
  api.routes.set('GET /runs/run_1/history', (_, response) =>
    refuse(response, 403, { code: 'Forbidden', detail: 'the key has the scope operator' }),
  );
  const { exitCode, stderr } = await api.cli('deploy', '--check', folder);
  expect(exitCode).toBe(1);
  expect(stderr).toContain('the key has the scope operator');
  expect(api.asked.map(({ path }) => path)).not.toContain('/runs/run_2/history');
});
