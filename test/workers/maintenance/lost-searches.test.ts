import type { ExecutionStatus } from '../../../apps/temporal-clients/lifecycle-client';
import type { PromptSearchRecord } from '../../../db/prompt/search-repository';
import type { RunRecord } from '../../../db/run/repository';
import { defaultTenant, type RunId } from '../../../domain/ids';
import type { RunStatus } from '../../../domain/run/run';
import { openLog } from '../../../workers/log';
import { endLostSearches, type LostSearchesDeps } from '../../../workers/maintenance/lost-searches';
import { promptSearchWorkflowId, searchOfRun } from '../../../workflows/prompt/search-messages';

type Ended = Parameters<LostSearchesDeps['registry']['promptSearches']['end']>[0];

/** One search that is `running` in the registry, with the states of its run and workflows. */
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

describe('a prompt search whose workflow is gone', () => {
  const runId = 'run_0190aa' as RunId;
  const own = promptSearchWorkflowId({ tenant: defaultTenant, search: 'search_one' });

  test.each<[string, string, Parameters<typeof world>[1]]>([
    ['has a running workflow', 'search_one', { workflows: { [own]: 'running' } }],
    [
      'belongs to a running run, as a child of its workflow',
      searchOfRun(runId),
      { run: 'running' },
    ],
    ['belongs to a paused run', searchOfRun(runId), { run: 'paused' }],
  ])('does not change if it %s', async (_, id, known) => {
    const { deps, ended, letGo } = world(id, known);
    await endLostSearches(deps, 0.01);
    expect([ended, letGo]).toEqual([[], []]);
  });

  test.each<[string, string, Parameters<typeof world>[1], string, RegExp]>([
    ['never started', 'search_one', {}, 'failed', /never started/],
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
      'belongs to a lost run',
      searchOfRun(runId),
      { run: 'lost' },
      'failed',
      /its run run_0190aa ended as lost/,
    ],
    [
      'belongs to a cancelled run',
      searchOfRun(runId),
      { run: 'cancelled' },
      'cancelled',
      /its run run_0190aa ended as cancelled/,
    ],
  ])('ends and releases its artifacts if it %s', async (_, id, known, status, cause) => {
    const { deps, ended, letGo } = world(id, known);
    await endLostSearches(deps, 0.01);
    expect(ended).toEqual([
      expect.objectContaining({ id, status, cause: expect.stringMatching(cause) as string }),
    ]);
    expect(letGo).toEqual([`prompt-search:${id}`]);
  });
});
