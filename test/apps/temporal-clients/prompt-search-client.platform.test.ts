/**
 * The progress of a run's own search, from the child workflow of the run, on a real Temporal
 * server.
 */
import { createPromptSearchClient } from '../../../apps/temporal-clients/prompt-search-client';
import { searchOfRun } from '../../../workflows/prompt/search-messages';
import { fakeLlm, buildLlmPlan, withSearch } from '../../support/provider/fake-llm';
import { fakeSearch } from '../../support/prompt/fake-prompt-search';
import { openLifecycleRuns, type LifecycleRuns } from '../../support/lifecycle-runs';

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

test('the search of a run is visible while it runs, and names the run', async () => {
  const plan = buildLlmPlan(withSearch);
  const fake = fakeSearch({ first: 'precise.yaml', winner: 'prompt://precise.yaml@7' });
  let asked: () => void = () => undefined;
  const isAsked = new Promise<void>((resolve) => (asked = resolve));
  let goOn: () => void = () => undefined;
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
  const { handle, end } = await runs.start(plan, {
    ...fakeLlm({ 'plain.yaml': 0.4, 'precise.yaml': 0.7, 'prompt://precise.yaml@7': 0.8 }),
    ...fake,
    askPromptPiece: async (input) => {
      asked();
      await mayGoOn;
      return (await fake.askPromptPiece?.(input)) ?? Promise.reject(new Error('no piece'));
    },
  });
  const { namespace } = runs.temporal;
  const searches = createPromptSearchClient({ ...runs.temporal, uiUrl: 'http://ui.test' });
  const { tenant, runId } = plan;
  const ref = { tenant, search: searchOfRun(runId), ofRun: handle.workflowId };
  await isAsked;
  try {
    expect(await searches.view(ref)).toMatchObject({
      standing: { stage: 'search', known: 4 },
      pieces: { done: 0 },
    });
    expect(await searches.view({ ...ref, ofRun: null })).toBeNull();
    expect(searches.url(ref)).toBe(
      `http://ui.test/namespaces/${namespace}/workflows/${encodeURIComponent(handle.workflowId)}`,
    );
  } finally {
    goOn();
    expect(await end()).toMatchObject({ status: 'succeeded' });
  }
  expect(await searches.view(ref)).toBeNull();
});
