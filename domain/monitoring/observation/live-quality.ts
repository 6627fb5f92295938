/** The mean loss of a served version on labels that are due, with a confidence sequence. */
import { minProbability, rowLogloss } from '../../evaluation/metrics/classification';
import { classPredictionIn, readProbability } from '../../evaluation/class-prediction';
import { loggedAnswer } from '../../bundle/logged-answer';
import { answerScores } from '../../rollout/judging/answer-quality';
import { rightAnswer } from '../../rollout/judging/loss';
import { classLabel } from '../../serving/prediction';
import { addPoint, type HistoryPoint } from '../../rollout/history';
import {
  emptyMean,
  extendMean,
  meanBounds,
  type MeanRange,
  type MeanState,
} from '../../statistics/mean-sequence';
import type { MonitorSettings } from '../monitor';
import type { LiveQualityResult, SliceResult } from './monitor-results';
import type { ObservedLabel } from './observed';

/** What the version reached on the rows that it was evaluated on. */
export interface LossReference {
  readonly rows: number;
  readonly loss: number;
  /** The largest loss of one row that counts. */
  readonly bound: number;
}

export interface LiveQuality {
  /** Mean loss in the current period of four weeks. */
  readonly mean: MeanState;
  readonly since: string;
  /** Labels since the version serves. */
  readonly total: number;
  /** Sum of prediction minus label, over labels where that is a number. */
  readonly bias: { readonly n: number; readonly sum: number };
  /** A slice that was counted without a sequence has only its sum, and no band. */
  readonly slices: Readonly<Record<string, Pick<MeanState, 'n' | 'sum'> & Partial<MeanState>>>;
  readonly history: readonly HistoryPoint[];
}

const periodMs = 28 * 86_400_000;
const periodsPerYear = 13;
const maxSlices = 100;
const slicesShown = 20;
/** The most probable error of a shown band, however many false alarms are allowed. */
const maxAlpha = 0.05;

export interface LabelLoss {
  readonly at: string;
  readonly loss: number;
  /** Prediction minus label; null for a class. */
  readonly difference: number | null;
  /** The predicted probability of a classification with two classes. */
  readonly score?: number;
}

/** Callers score an answer, or correct it. A correction is compared by its words. */
const callersFeedback = { from: 'callers', measure: { kind: 'f1' } } as const;

/** Null if the metric cannot use the label or the prediction. */
export function computeLoss(
  { metric, task }: Pick<MonitorSettings, 'metric' | 'task'>,
  { at, label, output }: Pick<ObservedLabel, 'at' | 'label' | 'output'>,
  bound: number,
): LabelLoss | null {
  if (task === 'chat') {
    const scores = answerScores(callersFeedback, label, {
      served: loggedAnswer(output)?.text ?? null,
      beside: null,
    });
    if (scores?.served == null) return null;
    return { at, loss: rowLoss(metric, rightAnswer, scores.served), difference: null };
  }
  if (task === 'multiclass') {
    const prediction = classPredictionIn(output);
    const name = classLabel(label);
    if (prediction === null || name === null) return null;
    return { at, loss: rowLogloss(1, readProbability(prediction, name)), difference: null };
  }
  const score = (output as { readonly score?: unknown } | null)?.score;
  const value = typeof label === 'boolean' ? Number(label) : label;
  if (typeof score !== 'number' || typeof value !== 'number' || !Number.isFinite(value))
    return null;
  if (task === 'classification' && value !== 0 && value !== 1) return null;
  const loss = rowLoss(metric, value, score);
  const scored = { at, loss: Math.min(loss, bound), difference: score - value };
  return task === 'classification' ? { ...scored, score } : scored;
}

/** The loss of one row by the metric, with probabilities clipped as in evaluation. */
export function rowLoss(metric: MonitorSettings['metric'], label: number, score: number): number {
  switch (metric) {
    case 'logloss':
      return rowLogloss(label, score);
    case 'brier':
      return (Math.min(1, Math.max(0, score)) - label) ** 2;
    case 'mae':
      return Math.abs(score - label);
    case 'caller-loss':
      return label - Math.min(1, Math.max(0, score));
  }
}

/** The largest loss of a row; null for a metric without one. */
export function largestLoss(metric: MonitorSettings['metric']): number | null {
  return { logloss: -Math.log(minProbability), brier: 1, 'caller-loss': 1, mae: null }[metric];
}

export function addLosses(
  held: LiveQuality | null,
  losses: readonly (LabelLoss & { readonly slices: readonly string[] })[],
  bound: number,
): LiveQuality | null {
  return losses.reduce<LiveQuality | null>((state, each) => addLoss(state, each, bound), held);
}

function addLoss(
  held: LiveQuality | null,
  { at, loss, difference, slices }: LabelLoss & { readonly slices: readonly string[] },
  bound: number,
): LiveQuality {
  const isOver = held !== null && Date.parse(at) - Date.parse(held.since) >= periodMs;
  const state: LiveQuality =
    held === null || isOver
      ? {
          mean: emptyMean(),
          since: at,
          total: held?.total ?? 0,
          bias: { n: 0, sum: 0 },
          slices: {},
          history: held?.history ?? [],
        }
      : held;
  const bySlice = { ...state.slices };
  for (const slice of slices) {
    const known = bySlice[slice];
    if (known === undefined && Object.keys(bySlice).length >= maxSlices) continue;
    const mean = known === undefined ? emptyMean() : known;
    bySlice[slice] = isSequence(mean)
      ? extendMean(mean, toLossRange(bound), [loss])
      : { n: mean.n + 1, sum: mean.sum + loss };
  }
  return {
    ...state,
    mean: extendMean(state.mean, toLossRange(bound), [loss]),
    total: state.total + 1,
    bias:
      difference === null ? state.bias : { n: state.bias.n + 1, sum: state.bias.sum + difference },
    slices: bySlice,
  };
}

/** Adds a point to the chart. Once for each batch, because bounds take longer than a sum. */
export function withPoint(
  state: LiveQuality,
  settings: MonitorSettings,
  at: string,
  bound: number,
): LiveQuality {
  const { estimate, lower, upper } = computeBand(state, settings, bound);
  const point = { n: state.total, eventTime: at, estimate, lower, upper };
  return { ...state, history: addPoint(state.history, point) };
}

export function qualityResult(
  state: LiveQuality,
  settings: MonitorSettings,
  reference: LossReference | null,
  bound: number,
): Omit<LiveQualityResult, 'tests'> {
  const { mean, total, since, bias, slices, history } = state;
  return {
    metric: settings.metric,
    n: mean.n,
    total,
    since,
    ...computeBand(state, settings, bound),
    reference: reference?.loss ?? null,
    limit: reference && reference.loss * (1 + settings.quality.maxDrop),
    bias: bias.n === 0 ? null : bias.sum / bias.n,
    slices: Object.entries(slices)
      .map(([slice, mean]) => ({ slice, n: mean.n, ...sliceBand(mean, settings, bound) }))
      .sort((a, b) => b.estimate - a.estimate)
      .slice(0, slicesShown),
    history,
  };
}

/**
 * Each period has its own sequence, so a decline shows against four weeks and not against a year.
 * Over the periods of a year, bounds that are ever wrong sum to the allowed false alarms.
 */
function computeBand(
  { mean }: Pick<LiveQuality, 'mean'>,
  { drift: { falseAlarmsPerYear } }: MonitorSettings,
  bound: number,
): { readonly estimate: number; readonly lower: number; readonly upper: number } {
  const alpha = Math.min(maxAlpha, falseAlarmsPerYear / periodsPerYear);
  return { estimate: mean.sum / mean.n, ...meanBounds(mean, toLossRange(bound), alpha) };
}

/** Each band is about its slice alone: it is not widened for the number of slices. */
function sliceBand(
  mean: LiveQuality['slices'][string],
  settings: MonitorSettings,
  bound: number,
): Pick<SliceResult, 'estimate' | 'lower' | 'upper'> {
  return isSequence(mean)
    ? computeBand({ mean }, settings, bound)
    : { estimate: mean.sum / mean.n, lower: null, upper: null };
}

function isSequence(mean: LiveQuality['slices'][string]): mean is MeanState {
  return mean.rising !== undefined && mean.falling !== undefined;
}

function toLossRange(bound: number): MeanRange {
  return { min: 0, max: bound, guess: { min: 0, max: bound / 4 } };
}
