import type { Activities } from '../../../activities';
import type { LaneEnd } from '../../../activities/tuning/lane';
import type { Trial, TrialEnd } from '../../../domain/tuning/tuning';
import { bestTrial, countTrials, earlyEndReason } from '../../../domain/tuning/tuning';
import type { TuneSpec } from '../../../domain/tuning/tune-spec';
import type { StudyInput } from '../../../workflows/tuning/messages';
import { artifact, digest, buildPlan } from '../fake-activities';
import type { ModelRun } from '../../../workflows/lifecycle/stage';

type RunPlan = ModelRun['plan'];

export const tuneSpec: TuneSpec = {
  metric: 'logloss',
  direction: 'minimize',
  trials: 6,
  parallel: 2,
  sampler: 'tpe',
  pruner: 'hyperband',
  space: { num_leaves: { kind: 'int', low: 7, high: 127, step: 1, log: true } },
  seed: 17,
  budgetSeconds: null,
};

export function tunedPlan(change: Partial<TuneSpec> = {}): RunPlan {
  const plan = buildPlan();
  return { ...plan, spec: { ...plan.spec, tune: { ...tuneSpec, ...change } } };
}

export function studyInput(
  change: Partial<TuneSpec> = {},
  rest: Partial<StudyInput> = {},
): StudyInput {
  const { tenant, runId, traceId, lifecycle, spec } = buildPlan();
  const common = {
    tenant,
    runId,
    traceId,
    lifecycle,
    study: 'tune',
    pruning: null,
    train: spec.train,
    assembled: artifact('assembled'),
  };
  return {
    ...common,
    tune: { ...tuneSpec, ...change },
    paused: false,
    trialsPerExecution: null,
    ...rest,
  };
}

/**
 * Trials of a study in memory, with the registry's guarantees: the first trial with a number and
 * its first end are kept.
 */
export interface FakeStudy {
  readonly trials: Trial[];
  /** How often each trial was run. */
  readonly ran: number[];
  /** The most trials at once. */
  readonly most: number;
  /** Whether the registry has the run as paused, so that no lane starts a trial. */
  paused: boolean;
  /** Records a running trial, as a lane of a lost execution did. */
  readonly start: (number: number, lane: number) => void;
  readonly activities: Pick<
    Activities,
    'describeTuning' | 'readStudy' | 'runLane' | 'endTrial' | 'abandonStudy' | 'confirmTuning'
  >;
}

export function fakeStudy(
  run: (number: number) => TrialEnd | Promise<TrialEnd> = (number) => ({
    status: 'complete',
    value: 1 / (1 + number),
  }),
  spent: (trials: readonly Trial[]) => boolean = () => false,
): FakeStudy {
  const trials: Trial[] = [];
  const ran: number[] = [];
  let running = 0;
  const study = {
    trials,
    ran,
    most: 0,
    paused: false,
    start: (number: number, lane: number) => {
      trials[number] = { ...begun(number), lane };
    },
  };
  const at = '2013-07-01T00:00:00Z';
  const begun = (number: number): Trial => ({
    number,
    params: { num_leaves: 10 + number },
    status: 'running',
    value: null,
    values: null,
    lane: null,
    samplerState: {},
    intermediate: [],
    reason: null,
    startedAt: at,
    endedAt: null,
  });
  const ranOnce = async (number: number): Promise<TrialEnd> => {
    ran[number] = (ran[number] ?? 0) + 1;
    running += 1;
    study.most = Math.max(study.most, running);
    try {
      return await run(number);
    } finally {
      running -= 1;
    }
  };
  const activities: FakeStudy['activities'] = {
    describeTuning: () =>
      Promise.resolve({ trainer: digest('code'), tuner: digest('tuner'), pruning: null }),
    readStudy: ({ tune }) => {
      const { complete, pruned, failed } = countTrials(trials);
      const best = bestTrial(trials, tune.direction);
      return Promise.resolve({
        asked: trials.length,
        running: trials
          .filter(({ status }) => status === 'running')
          .map(({ number, params, lane }) => ({ number, params, lane })),
        counts: { complete, pruned, failed },
        best: best && { number: best.number, value: best.value, params: best.params },
        seconds: trials.length,
      });
    },
    runLane: async ({ lane, until, tune }) => {
      const buildEnd = (kind: LaneEnd['kind'], reason: string | null = null): LaneEnd => {
        const { complete, pruned, failed } = countTrials(trials);
        const numbers = trials.flatMap(({ status, number }) =>
          status === 'running' ? number : [],
        );
        const counts = { complete, pruned, failed };
        return { kind, reason, asked: trials.length, counts, running: numbers };
      };
      for (;;) {
        const mine = trials.find((each) => each.status === 'running' && (each.lane ?? 0) === lane);
        if (!mine) {
          if (trials.length >= until) return buildEnd('started');
          if (study.paused) return buildEnd('paused');
          if (spent(trials)) return buildEnd('over', 'the budget of 9 s was spent');
          const early = earlyEndReason(countTrials(trials), tune.parallel);
          if (early !== null) return buildEnd('over', early);
        }
        const number = mine?.number ?? trials.length;
        trials[number] = mine ?? { ...begun(number), lane };
        const end = await ranOnce(number);
        trials[number] = { ...trials[number], reason: null, ...end, endedAt: at };
      }
    },
    endTrial: ({ number, end }) => {
      const trial = trials[number];
      if (!trial) return Promise.reject(new Error(`no trial ${number}`));
      if (trial.status === 'running')
        trials[number] = { ...trial, reason: null, ...end, endedAt: at };
      const { status, value } = trials[number] ?? trial;
      return Promise.resolve({ number, status, value });
    },
    abandonStudy: ({ reason }) => {
      trials.forEach((trial, place) => {
        if (trial.status === 'running')
          trials[place] = { ...trial, status: 'failed', reason, endedAt: at };
      });
      return Promise.resolve();
    },
    confirmTuning: () =>
      Promise.resolve({
        metric: 'logloss',
        rows: 1000,
        days: 15,
        default: 0.5,
        tuned: 0.48,
        difference: -0.02,
        reason: null,
        interval: { level: 0.9, lower: -0.03, upper: -0.01 },
      }),
  };
  return Object.assign(study, { activities });
}
