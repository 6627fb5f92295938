import type { ExecutionStatus } from '../../../apps/temporal-clients/lifecycle-client';
import type { PromptSearchRecord } from '../../../db/prompt/search-repository';
import type { RunRecord } from '../../../db/run/repository';
import { defaultTenant, type RunId } from '../../../domain/ids';
import type { RunStatus } from '../../../domain/run/run';
import { openLog } from '../../../workers/log';
import { endLostSearches, type LostSearchesDeps } from '../../../workers/maintenance/lost-searches';
import { promptSearchWorkflowId, searchOfRun } from '../../../workflows/prompt/search-messages';

type Ended = Parameters<LostSearchesDeps['registry']['promptSearches']['end']>[0];

/** One search that the registry has as running, and what is known of who makes it. */
function world(
  id: string,
  known: {
    readonly run?: RunStatus;
    readonly workflows?: Readonly<Record<string, ExecutionStatus>>;
  },
) {
  const [ended, letGo]: [Ended[], string[]] = [[], []];
  const search = { id, tenant: defaultTenant, status: 'running' } as PromptSearchRecord & {
    readonly tenant: typeof defaultTenant;
  };
  const deps: LostSearchesDeps = {
    registry: {
      promptSearches: {
        running: () => Promise.resolve([search]),
        end: (input) => Promise.resolve(void ended.push(input)),
      },
      artifacts: { unreference: ({ by }) => Promise.resolve(letGo.push(by)) },
      runs: {
        get: ({ id: run }) =>
          Promise.resolve(
            known.run !== undefined && searchOfRun(run) === id
              ? ({ id: run, status: known.run } as RunRecord)
              : null,
          ),
      },
    },
    lifecycles: {
      execution: (workflowId) => Promise.resolve(known.workflows?.[workflowId] ?? 'unknown'),
    },
    log: openLog('test', 'silent'),
  };
  return { deps, ended, letGo };
}

describe('searches whose workflow is gone', () => {
  const runId = 'run_0190aa' as RunId;
  const own = promptSearchWorkflowId({ tenant: defaultTenant, search: 'search_one' });

  test.each<[string, string, Parameters<typeof world>[1]]>([
    ['runs under a workflow of its own', 'search_one', { workflows: { [own]: 'running' } }],
    [
      'is made by a run that goes on, as a child of its workflow',
      searchOfRun(runId),
      { run: 'running' },
    ],
    ['is made by a run that waits', searchOfRun(runId), { run: 'paused' }],
  ])('one that %s is left alone', async (_, id, known) => {
    const { deps, ended, letGo } = world(id, known);
    await endLostSearches(deps, 0.01);
    expect([ended, letGo]).toEqual([[], []]);
  });

  test.each<[string, string, Parameters<typeof world>[1], string, RegExp]>([
    ['was never begun', 'search_one', {}, 'failed', /never begun/],
    [
      'was terminated',
      'search_one',
      { workflows: { [own]: 'terminated' } },
      'failed',
      /ended as terminated/,
    ],
    [
      'was cancelled',
      'search_one',
      { workflows: { [own]: 'cancelled' } },
      'cancelled',
      /ended as cancelled/,
    ],
    [
      'is of a run that was lost',
      searchOfRun(runId),
      { run: 'lost' },
      'failed',
      /its run run_0190aa ended as lost/,
    ],
    [
      'is of a run that was cancelled',
      searchOfRun(runId),
      { run: 'cancelled' },
      'cancelled',
      /its run run_0190aa ended as cancelled/,
    ],
  ])('one that %s ends, and lets go of what it held', async (_, id, known, status, cause) => {
    const { deps, ended, letGo } = world(id, known);
    await endLostSearches(deps, 0.01);
    expect(ended).toEqual([
      expect.objectContaining({ id, status, cause: expect.stringMatching(cause) as string }),
    ]);
    expect(letGo).toEqual([`prompt-search:${id}`]);
  });
});
