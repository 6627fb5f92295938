import { ApplicationFailure } from '@temporalio/common';
import type { RunId } from '../../../domain/ids';
import { artifact, digest, failed, type Overrides } from '../../support/fake-activities';
import { fakeSearch } from '../../support/prompt/fake-prompt-search';
import {
  fakeLlm,
  buildLlmPlan,
  withFineTune,
  withIndex,
  withSearch,
} from '../../support/provider/fake-llm';
import { openLifecycleRuns, work, type LifecycleRuns } from '../../support/lifecycle-runs';

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

const elsewhere = {
  ...withFineTune,
  model: { provider: 'acme', name: 'small-1', standby: [] },
  fineTune: { ...withFineTune.fineTune, by: 'provider' },
} as const;
const better = { 'plain.yaml': 0.4, 'precise.yaml': 0.7 };

describe('llm lifecycle', () => {
  test('compares prompts, confirms the best against the first, and promotes its bundle', async () => {
    const bundles: string[] = [];
    const { outcome, fake } = await runs.run('llm-lifecycle-promoted', buildLlmPlan(), {
      ...fakeLlm(better),
      registerBundle: ({ manifest }) => {
        bundles.push(manifest.digest);
        return Promise.resolve({ model: 'wiki-assistant', version: 2, manifest });
      },
    });
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
    expect(bundles).toEqual([digest('bundle precise.yaml')]);
    expect(work(fake.calls)).toEqual([
      'openRun',
      'openRunBudget',
      'writeBundles',
      'answerCases prompt-eval',
      'answerCases prompt-eval',
      'answerCases prompt-eval',
      'answerCases prompt-eval',
      'compareAnswers',
      'readChampion',
      'answerCases evaluate',
      'answerCases evaluate',
      'decideBundle',
      'registerBundle',
      'probeGateways',
      'promoteVersion',
      'releaseRun',
      'closeRun',
    ]);
  });

  test('keeps the first prompt when the gain is undecided on the confirm slice, and reports it', async () => {
    const difference = { mean: 0.08, lower: -0.01, upper: 0.17, cases: 60, failures: 0 };
    const left: unknown[] = [];
    const bundles: string[] = [];
    const { outcome } = await runs.run('llm-lifecycle-not-shown', buildLlmPlan(), {
      ...fakeLlm(better),
      compareAnswers: () => Promise.resolve({ difference }),
      finishStage: (input) => {
        left.push(input);
        return Promise.resolve();
      },
      registerBundle: ({ manifest }) => {
        bundles.push(manifest.digest);
        return Promise.resolve({ model: 'wiki-assistant', version: 2, manifest });
      },
    });
    expect(outcome.status).toBe('succeeded');
    expect(bundles).toEqual([digest('bundle plain.yaml')]);
    expect(JSON.stringify(left)).toContain(
      JSON.stringify({
        notShown: [{ path: 'precise.yaml', against: 'plain.yaml', difference }],
      }).slice(1, -1),
    );
  });

  test('keeps the first prompt when the searched one is not better on the confirm slice', async () => {
    const bundles: string[] = [];
    const { outcome } = await runs.run('llm-lifecycle-luck', buildLlmPlan(), {
      ...fakeLlm(better),
      compareAnswers: () =>
        Promise.resolve({
          difference: { mean: -0.02, lower: -0.2, upper: 0.15, cases: 60, failures: 0 },
        }),
      registerBundle: ({ manifest }) => {
        bundles.push(manifest.digest);
        return Promise.resolve({ model: 'wiki-assistant', version: 2, manifest });
      },
    });
    expect(outcome.status).toBe('succeeded');
    expect(bundles).toEqual([digest('bundle plain.yaml')]);
  });

  const searching = buildLlmPlan(withSearch);
  const searched = 'prompt://precise.yaml@7';

  test('continues with a searched prompt that is better on the confirm slice', async () => {
    const begun: unknown[] = [];
    const bundles: string[] = [];
    const { outcome, fake } = await runs.run('llm-lifecycle-searched', searching, {
      ...fakeLlm({ ...better, [searched]: 0.8 }),
      ...fakeSearch({ first: 'precise.yaml', winner: searched }),
      openPromptSearch: (input) => {
        begun.push(input.search, input.runId, input.budgets);
        return (
          fakeSearch({ first: 'precise.yaml', winner: searched }).openPromptSearch?.(input) ??
          Promise.reject(new Error('no search'))
        );
      },
      registerBundle: ({ manifest }) => {
        bundles.push(manifest.digest);
        return Promise.resolve({ model: 'wiki-assistant', version: 2, manifest });
      },
    });
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2 });
    expect(bundles).toEqual([digest(`bundle ${searched}`)]);
    expect(begun).toEqual(['search_1', 'run_1', [{ scope: 'run/run_1', unit: 'tokens' }]]);
    // The comparison of the found prompt with the starting prompt, and with the first.
    expect(fake.calls.filter((call) => call === 'compareAnswers')).toHaveLength(2);
  });

  test('keeps the best candidate when the searched prompt is not better on the confirm slice', async () => {
    const bundles: string[] = [];
    let looks = 0;
    const { outcome } = await runs.run('llm-lifecycle-searched-luck', searching, {
      ...fakeLlm({ ...better, [searched]: 0.8 }),
      ...fakeSearch({ first: 'precise.yaml', winner: searched }),
      compareAnswers: () => {
        looks += 1;
        const mean = looks === 1 ? -0.1 : 0.2;
        return Promise.resolve({
          difference: { mean, lower: mean - 0.1, upper: mean + 0.1, cases: 60, failures: 0 },
        });
      },
      registerBundle: ({ manifest }) => {
        bundles.push(manifest.digest);
        return Promise.resolve({ model: 'wiki-assistant', version: 2, manifest });
      },
    });
    expect(outcome.status).toBe('succeeded');
    expect(bundles).toEqual([digest('bundle precise.yaml')]);
  });

  test('continues with the candidates when the search has spent its own budget', async () => {
    const bundles: string[] = [];
    const { outcome } = await runs.run('llm-lifecycle-searched-unpaid', searching, {
      ...fakeLlm(better),
      ...fakeSearch({ first: 'precise.yaml', winner: searched }),
      askPromptPiece: () => {
        throw ApplicationFailure.nonRetryable(
          'the budget of run/run_1/prompt-search is spent',
          'BudgetSpent',
        );
      },
      registerBundle: ({ manifest }) => {
        bundles.push(manifest.digest);
        return Promise.resolve({ model: 'wiki-assistant', version: 2, manifest });
      },
    });
    expect(outcome.status).toBe('succeeded');
    expect(bundles).toEqual([digest('bundle precise.yaml')]);
  });

  test('fails when the budget of the run is spent during the search', async () => {
    const { outcome } = await runs.run('llm-lifecycle-searched-spent', searching, {
      ...fakeLlm(better),
      ...fakeSearch({ first: 'precise.yaml', winner: searched }),
      askPromptPiece: () => {
        throw ApplicationFailure.nonRetryable(
          'the budget of run/run_1 is spent: 1,000 of 1,000',
          'BudgetSpent',
        );
      },
    });
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { type: 'BudgetSpent', stage: 'prompt-eval' },
    });
  });

  test('builds the index before the prompts are compared, and moves its alias with the bundle', async () => {
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-index',
      buildLlmPlan(withIndex),
      fakeLlm(better),
    );
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2 });
    const calls = work(fake.calls);
    expect(calls.indexOf('sealIndexVersion')).toBeLessThan(calls.indexOf('writeBundles'));
    expect(calls.indexOf('promoteVersion')).toBeLessThan(calls.indexOf('promoteIndexVersion'));
    expect(calls.filter((call) => call === 'promoteIndexVersion')).toHaveLength(1);
  });

  test.each([
    ['llm-lifecycle-index-kind', { vectors: 'hnsw' }, 'hnsw'],
    // A spec without a kind.
    ['llm-lifecycle-index-auto', {}, 'auto'],
  ] as const)(
    'builds the index with the named kind, which is part of the cache key: %s',
    async (name, change, kind) => {
      const seen: unknown[] = [];
      const { outcome } = await runs.run(
        name,
        buildLlmPlan({ ...withIndex, index: { ...withIndex.index, ...change } }),
        {
          ...fakeLlm(better),
          beginStage: ({ stage, inputs }) => {
            if (stage === 'rag-index') seen.push((inputs as { readonly vectors?: string }).vectors);
            return Promise.resolve({ kind: 'run' });
          },
          finishIndexTable: ({ vectors }) => {
            seen.push(vectors.kind);
            return Promise.resolve({
              kind: 'complete',
              tableVersion: 7,
              chunks: 12,
              documents: 10,
              vectors: 'flat',
            });
          },
        },
      );
      expect(outcome.status).toBe('succeeded');
      expect(seen).toEqual([kind, kind]);
    },
  );

  test('moves the index alias from its current champion, also to a reused version', async () => {
    const moved: unknown[] = [];
    const champion = { version: 4, fencing: 9 };
    const built = {
      name: 'wiki',
      version: 3,
      report: { documents: 10, chunks: 12, embedded: 12, rejected: {}, seconds: 1 },
    };
    const { outcome } = await runs.run('llm-lifecycle-index-reused', buildLlmPlan(withIndex), {
      ...fakeLlm(better),
      beginStage: ({ stage }) =>
        Promise.resolve(
          stage === 'rag-index'
            ? { kind: 'reused', fromRun: 'run_0' as RunId, end: { output: built } }
            : { kind: 'run' },
        ),
      readIndexChampion: () => Promise.resolve(champion),
      promoteIndexVersion: ({ version, champion: expected, bundle }) => {
        moved.push([version, expected, bundle?.version]);
        return Promise.resolve({ kind: 'promoted', previous: 4, fencing: 10 });
      },
    });
    expect(outcome.status).toBe('succeeded');
    expect(moved).toEqual([[3, champion, outcome.version]]);
  });

  test('records up to which document change an index was evaluated', async () => {
    const seen: Record<string, unknown> = {};
    const tuned = { ...withIndex, fineTune: withFineTune.fineTune };
    const llm = fakeLlm(better);
    const { outcome } = await runs.run('llm-lifecycle-index-changed', buildLlmPlan(tuned), {
      ...llm,
      beginStage: ({ stage, inputs }) => {
        seen[stage] = (inputs as { readonly indexChanges?: number }).indexChanges;
        return Promise.resolve({ kind: 'run' });
      },
      writeBundles: async (given) => {
        const written = (await llm.writeBundles?.(given)) ?? [];
        return written.map((each) => ({ ...each, indexChanges: 3 }));
      },
    });
    expect(outcome.status).toBe('succeeded');
    expect(seen).toMatchObject({ 'prompt-eval': 3, 'fine-tune': 3, evaluate: 3 });
  });

  test('stops when the new index finds less than its champion', async () => {
    const rule = {
      questions: 'pages',
      metric: 'recall@5',
      margin: 0.02,
      confidence: 0.97,
      minQuestions: 2,
    } as const;
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-index-worse',
      buildLlmPlan({ ...withIndex, index: { ...withIndex.index, parity: rule } }),
      {
        ...fakeLlm(),
        measureIndexParity: () =>
          Promise.resolve({
            verdict: failed,
            evidence: { asked: 2, failed: 0, candidate: null, champion: null, difference: null },
            record: artifact('parity'),
            champion: null,
          }),
      },
    );
    expect(outcome).toMatchObject({ status: 'stopped', verdict: failed, version: null });
    expect(fake.calls).not.toContain('writeBundles');
  });

  test('stops when there are too few questions to compare the new index', async () => {
    const rule = {
      questions: 'pages',
      metric: 'recall@5',
      margin: 0.02,
      confidence: 0.97,
      minQuestions: 2,
    } as const;
    const few = {
      kind: 'inconclusive',
      reasons: [{ gate: 'index-parity', code: 'parity.few', message: '1 question' }],
    } as const;
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-index-unknown',
      buildLlmPlan({ ...withIndex, index: { ...withIndex.index, parity: rule } }),
      {
        ...fakeLlm(),
        measureIndexParity: () =>
          Promise.resolve({
            verdict: few,
            evidence: { asked: 1, failed: 0, candidate: null, champion: null, difference: null },
            record: artifact('parity'),
            champion: null,
          }),
      },
    );
    expect(outcome).toMatchObject({ status: 'stopped', verdict: few, version: null });
    expect(fake.calls).not.toContain('promoteIndexVersion');
  });

  test('chooses no prompt when prompts could not be measured', async () => {
    const fake = fakeLlm(better);
    const { outcome, fake: seen } = await runs.run('llm-lifecycle-unmeasured', buildLlmPlan(), {
      ...fake,
      answerCases: async (input) => {
        const answers = await (fake.answerCases?.(input) ?? Promise.reject(new Error('no answer')));
        const right = { mean: 0.9, lower: 0.1, upper: 1, cases: 60, failures: 50 };
        return {
          ...answers,
          summary: {
            ...answers.summary,
            unanswered: 50,
            notAnswered: ['50 of 60 not answered: why'],
            dimensions: { right },
          },
        };
      },
    });
    expect(outcome).toMatchObject({
      status: 'stopped',
      version: null,
      verdict: {
        kind: 'inconclusive',
        reasons: [
          {
            code: 'promptEval.notMeasured',
            message: expect.stringMatching(
              /no prompt was chosen: 50 of 60 not answered: why$/,
            ) as string,
          },
        ],
      },
    });
    expect(seen.calls).not.toContain('registerBundle');
  });

  test.each(['ModelNotFound', 'ProviderRefused'])(
    'evaluates the candidate without a champion whose questions fail with %s',
    async (type) => {
      const missing: unknown[] = [];
      const fake = fakeLlm(better);
      const champion = {
        model: 'wiki-assistant',
        version: 1,
        manifest: artifact('bundle of last year'),
      };
      const { outcome } = await runs.run(`llm-lifecycle-champion-${type}`, buildLlmPlan(), {
        ...fake,
        readChampion: () => Promise.resolve({ version: champion, fencing: 4 }),
        answerCases: (input) => {
          if (input.bundle.digest === champion.manifest.digest)
            throw ApplicationFailure.nonRetryable('acme does not take it', type);
          return fake.answerCases?.(input) ?? Promise.reject(new Error('no answer'));
        },
        decideBundle: (input) => {
          missing.push(input.missing, input.counterparts.champion);
          return fake.decideBundle?.(input) ?? Promise.reject(new Error('no decision'));
        },
      });
      expect(outcome.status).toBe('succeeded');
      expect(missing).toEqual([
        { champion: { kind: 'notMeasured', reason: 'acme does not take it' }, baseline: null },
        null,
      ]);
    },
  );

  test('does not compare a bundle with itself', async () => {
    const seen: unknown[] = [];
    const fake = fakeLlm();
    const { outcome } = await runs.run(
      'llm-lifecycle-alone',
      buildLlmPlan({ prompt: { candidates: ['plain.yaml'], input: 'question' }, promptEval: null }),
      {
        ...fake,
        decideBundle: (input) => {
          seen.push(input.missing.baseline, input.counterparts.baseline);
          return fake.decideBundle?.(input) ?? Promise.reject(new Error('no decision'));
        },
      },
    );
    expect(outcome.status).toBe('succeeded');
    expect(seen).toEqual([{ kind: 'same' }, null]);
  });

  test('fine-tunes for the chosen prompt, and evaluates the bundle with the adapter', async () => {
    const judged: string[] = [];
    const fake = fakeLlm(better);
    const { outcome } = await runs.run('llm-lifecycle-fine-tuned', buildLlmPlan(withFineTune), {
      ...fake,
      describeTrainer: () =>
        Promise.resolve({
          name: 'lora',
          description: '',
          tasks: ['generation'],
          paramsSchema: {},
          iterations: null,
          distributed: false,
          codeDigest: digest('code'),
        }),
      decideBundle: (input) => {
        judged.push(input.candidate);
        return Promise.resolve({
          kind: 'decided',
          decision: {
            id: 'decision_1',
            policy: digest('policy'),
            evidence: digest('evidence'),
            verdict: { kind: 'passed', reasons: [] },
          },
          evidence: digest('evidence'),
          moreCases: null,
        });
      },
    });
    expect(outcome.status).toBe('succeeded');
    expect(judged).toEqual([
      artifact(`adapted ${digest('bundle precise.yaml').slice(7, 27)}`).digest,
    ]);
  });

  test('fine-tunes on examples with passages, and bundles index, adapter and prompt', async () => {
    const prepared: unknown[] = [];
    const stages: Record<string, unknown> = {};
    const fake = fakeLlm(better);
    const learnt = {
      index: { name: 'wiki', version: 3, digest: digest('wiki@3') },
      shown: 4_700,
      without: 12,
      leftOut: { room: 0, policy: 3 },
    };
    const { outcome, fake: seen } = await runs.run(
      'llm-lifecycle-fine-tuned-with-index',
      buildLlmPlan({ ...withIndex, ...withFineTune }),
      {
        ...fake,
        describeTrainer: () =>
          Promise.resolve({
            name: 'lora',
            description: '',
            tasks: ['generation'],
            paramsSchema: {},
            iterations: null,
            distributed: false,
            codeDigest: digest('code'),
          }),
        prepareExamples: async (input) => {
          const { Context } = await import('@temporalio/activity');
          prepared.push([Context.current().info.taskQueue, input.bundle.digest, input.spec]);
          const given = await (fake.prepareExamples?.(input) ??
            Promise.reject(new Error('no examples')));
          return { ...given, passages: learnt };
        },
        beginStage: ({ stage, inputs }) => {
          if (stage === 'fine-tune') stages['inputs'] = inputs;
          return Promise.resolve({ kind: 'run' });
        },
        finishStage: (ended) => {
          if (ended.stage === 'fine-tune' && 'end' in ended) stages['end'] = ended.end;
          return Promise.resolve();
        },
      },
    );
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2 });
    const bundle = digest('bundle precise.yaml');
    // Passages may cost money.
    expect(prepared).toEqual([['llm', bundle, { budget: { usd: null, tokens: 1_000 } }]]);
    // The bundle contains the version and digest of the index, so another index needs another
    // training.
    expect(stages).toMatchObject({ inputs: { bundle }, end: { output: { passages: learnt } } });
    const calls = work(seen.calls);
    expect(calls.indexOf('sealIndexVersion')).toBeLessThan(calls.indexOf('prepareExamples'));
    expect(calls.filter((call) => call === 'promoteIndexVersion')).toHaveLength(1);
  });

  test('submits one fine-tuning job at the provider, follows it, and evaluates its model', async () => {
    const looks: string[] = [];
    const fake = fakeLlm(better);
    const { outcome, fake: seen } = await runs.run(
      'llm-lifecycle-tuned-elsewhere',
      buildLlmPlan(elsewhere),
      {
        ...fake,
        awaitFineTuning: ({ job }) => {
          looks.push(job);
          return Promise.resolve(
            looks.length < 3
              ? { kind: 'running', status: 'running' }
              : { kind: 'succeeded', model: 'ft:scripted:1', trainedTokens: 900 },
          );
        },
      },
    );
    expect(outcome.status).toBe('succeeded');
    expect(looks).toEqual(['ftjob-1', 'ftjob-1', 'ftjob-1']);
    expect(seen.calls.filter((call) => call === 'submitFineTuning')).toHaveLength(1);
    expect(seen.calls).not.toContain('cancelFineTuning');
  });

  test('follows the job while the provider is unavailable, and passes on since when', async () => {
    const since = '2026-03-01T10:00:00.000Z';
    const away = {
      kind: 'away',
      since,
      reason: 'provider acme: connection refused (ECONNREFUSED)',
    } as const;
    const known: unknown[] = [];
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-provider-away',
      buildLlmPlan(elsewhere),
      {
        ...fakeLlm(better),
        awaitFineTuning: ({ awaySince, patienceSeconds }) => {
          known.push([awaySince, patienceSeconds]);
          if (known.length <= 2) return Promise.resolve(away);
          return Promise.resolve(
            known.length === 3
              ? { kind: 'running', status: 'running' }
              : { kind: 'succeeded', model: 'ft:scripted:1', trainedTokens: 900 },
          );
        },
      },
    );
    expect(outcome.status).toBe('succeeded');
    expect(known).toEqual([null, since, since, null].map((each) => [each, 600]));
    expect(fake.calls.filter((call) => call === 'submitFineTuning')).toHaveLength(1);
    expect(fake.calls).not.toContain('cancelFineTuning');
  });

  test('ends the job at the provider when the run fails', async () => {
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-tuned-elsewhere-failed',
      buildLlmPlan(elsewhere),
      {
        ...fakeLlm(better),
        awaitFineTuning: () => {
          throw ApplicationFailure.nonRetryable(
            'acme did not fine-tune (ftjob-1): too few examples',
            'JobFailed',
          );
        },
      },
    );
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { type: 'JobFailed', stage: 'fine-tune' },
    });
    expect(fake.calls).toContain('cancelFineTuning');
  });

  test('rejects a bundle that fails a gate, and moves no alias', async () => {
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-refused',
      buildLlmPlan(),
      fakeLlm(better, failed),
    );
    expect(outcome).toMatchObject({ status: 'stopped', version: 2, verdict: failed });
    expect(fake.calls).toContain('rejectVersion');
    expect(fake.calls).not.toContain('promoteVersion');
  });

  test('does nothing when the champion is the same bundle', async () => {
    const { outcome, fake } = await runs.run('llm-lifecycle-unchanged', buildLlmPlan(), {
      ...fakeLlm(better),
      readChampion: () =>
        Promise.resolve({
          version: {
            model: 'wiki-assistant',
            version: 1,
            manifest: artifact('bundle precise.yaml'),
          },
          fencing: 4,
        }),
    });
    expect(outcome).toMatchObject({
      status: 'succeeded',
      version: 1,
      verdict: { reasons: [{ code: 'promote.unchanged' }] },
    });
    expect(fake.calls).not.toContain('registerBundle');
  });

  test('registers no candidate when the budget is spent in the middle of the evaluation', async () => {
    const fake = fakeLlm(better);
    const { outcome, fake: seen } = await runs.run('llm-lifecycle-budget-spent', buildLlmPlan(), {
      ...fake,
      answerCases: (input) => {
        if (input.stage === 'evaluate')
          throw ApplicationFailure.nonRetryable('the budget of run/run_1 is spent', 'BudgetSpent');
        return fake.answerCases?.(input) ?? Promise.reject(new Error('no answer'));
      },
    });
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { type: 'BudgetSpent', stage: 'evaluate' },
    });
    expect(seen.calls).not.toContain('registerBundle');
    expect(seen.calls).not.toContain('promoteVersion');
  });

  const needing = (more: number): Overrides => {
    const fake = fakeLlm(better);
    return {
      ...fake,
      decideBundle: async (input) =>
        input.answers.summary.cases < 45 && input.mayAskMore
          ? { kind: 'open', moreCases: more }
          : (fake.decideBundle?.(input) ?? Promise.reject(new Error('no decision'))),
    };
  };
  const frugal = buildLlmPlan({ evaluate: { ...buildLlmPlan().spec.evaluate, first: 30 } });

  test('asks as many more cases as a gate needs, and no more', async () => {
    const asked: (number | null)[] = [];
    const fake = needing(20);
    const { outcome } = await runs.run('llm-lifecycle-more-cases', frugal, {
      ...fake,
      answerCases: (input) => {
        if (input.stage === 'evaluate') asked.push(input.most);
        return fake.answerCases?.(input) ?? Promise.reject(new Error('no answer'));
      },
    });
    expect(outcome.status).toBe('succeeded');
    expect(asked).toEqual([30, 30, 50, 50]);
  });

  test('decides on the answered cases when the budget does not pay for more', async () => {
    const fake = needing(20);
    const { outcome } = await runs.run('llm-lifecycle-more-unpaid', frugal, {
      ...fake,
      answerCases: (input) => {
        if (input.most === 50)
          throw ApplicationFailure.nonRetryable('the budget of run/run_1 is spent', 'BudgetSpent');
        return fake.answerCases?.(input) ?? Promise.reject(new Error('no answer'));
      },
    });
    expect(outcome).toMatchObject({ status: 'succeeded', verdict: { kind: 'passed' } });
  });

  test('asks no more cases after it is cancelled', async () => {
    const fake = fakeLlm(better);
    const asked: string[] = [];
    let begun: () => void = () => undefined;
    const asking = new Promise<void>((resolve) => (begun = resolve));
    const { handle, end } = await runs.start(buildLlmPlan(), {
      ...fake,
      answerCases: async (input) => {
        asked.push(input.slice ?? 'all');
        begun();
        const { Context } = await import('@temporalio/activity');
        const beat = setInterval(() => Context.current().heartbeat(), 100);
        try {
          return await Context.current().cancelled;
        } finally {
          clearInterval(beat);
        }
      },
    });
    await asking;
    await handle.cancel();
    expect(await end()).toMatchObject({ status: 'cancelled' });
    await runs.record('llm-lifecycle-cancelled', handle);
    expect(asked).toEqual(['search']);
  });
});
