import { withTimeout } from '../../../data/timeout';
import { readIdTime } from '../../../db/ids';
import type { FeedbackRepository } from '../../../db/serving/feedback-repository';
import type {
  PredictionRepository,
  PredictionTask,
} from '../../../db/serving/prediction-repository';
import type { PredictionId, Tenant } from '../../../domain/ids';
import { labelMismatch } from '../../../domain/serving/prediction';
import { isRowsFault } from '../rows-fault';
import type { FeedbackItem } from './feedback-items';

/** A validated label of a tenant, which may wait on disk until the registry accepts it. */
export interface ReceivedLabel extends FeedbackItem {
  readonly tenant: Tenant;
  /** When the gateway received it, RFC 3339. */
  readonly receivedAt: string;
}

/** A label that cannot be recorded, and the reason. */
export interface RefusedLabel {
  readonly label: ReceivedLabel;
  readonly reason: string;
}

export interface CheckedLabels {
  /** The labels to record, in order. */
  readonly known: readonly ReceivedLabel[];
  /** How many of `known` have a prediction that is not stored yet, so their task is not known. */
  readonly early: number;
  /** Labels whose prediction is not stored and too old to be stored later. */
  readonly unknown: number;
  /** Labels that no metric of their model's task can use. */
  readonly misfits: readonly RefusedLabel[];
}

export interface RecordedLabels {
  /** Labels whose prediction is stored. */
  readonly joined: number;
  /** Labels whose prediction may still be stored. */
  readonly waiting: number;
  /** How many of them differ from an earlier label of their prediction. */
  readonly contradictory: number;
  /** Labels that PostgreSQL cannot store. */
  readonly refused: readonly RefusedLabel[];
}

type StoredLabel = Awaited<ReturnType<FeedbackRepository['record']>>;

/** Checks labels against their predictions and stores them. */
export interface LabelRecorder {
  /** Throws DatabaseUnavailable or DatabaseBusy while the registry does not answer. */
  check(labels: readonly ReceivedLabel[]): Promise<CheckedLabels>;
  /**
   * Store labels; those of one prediction in their order. Throws like `check`; storing the same
   * labels again changes nothing.
   */
  record(labels: readonly ReceivedLabel[]): Promise<RecordedLabels>;
}

export interface LabelRecorderOptions {
  readonly feedback: Pick<FeedbackRepository, 'record'>;
  readonly predictions: Pick<PredictionRepository, 'findTasks'>;
  /** The limit for one statement, after which the registry counts as not available. */
  readonly timeoutMs: number;
}

export function createLabelRecorder({
  feedback,
  predictions,
  timeoutMs,
}: LabelRecorderOptions): LabelRecorder {
  async function findTasks(
    labels: readonly ReceivedLabel[],
  ): Promise<ReadonlyMap<Tenant, ReadonlyMap<PredictionId, PredictionTask>>> {
    const tasks = new Map<Tenant, ReadonlyMap<PredictionId, PredictionTask>>();
    for (const tenant of new Set(labels.map((label) => label.tenant))) {
      const own = labels.filter((label) => label.tenant === tenant);
      const ids = [...new Set(own.map(({ predictionId }) => predictionId))];
      tasks.set(tenant, await inTime(predictions.findTasks({ tenant, ids })));
    }
    return tasks;
  }

  function inTime<T>(work: Promise<T>): Promise<T> {
    return withTimeout(timeoutMs, work, {
      type: 'DatabaseUnavailable',
      message: 'the registry did not accept the feedback; send it again',
    });
  }

  async function recordOne(label: ReceivedLabel): Promise<StoredLabel | RefusedLabel> {
    const { tenant, predictionId, label: value, labelledAt } = label;
    try {
      return await inTime(feedback.record({ tenant, predictionId, label: value, labelledAt }));
    } catch (error) {
      if (!isRowsFault(error)) throw error;
      return { label, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  return {
    async check(labels) {
      const tasks = await findTasks(labels);
      const known: ReceivedLabel[] = [];
      const misfits: RefusedLabel[] = [];
      let [early, unknown] = [0, 0];
      for (const label of labels) {
        const prediction = tasks.get(label.tenant)?.get(label.predictionId);
        const reason = prediction === undefined ? null : mismatch(prediction, label);
        if (reason !== null) misfits.push({ label, reason });
        else if (prediction !== undefined) known.push(label);
        else if (mayStillCome(label)) {
          early += 1;
          known.push(label);
        } else unknown += 1;
      }
      return { known, early, unknown, misfits };
    },

    async record(labels) {
      let [joined, waiting, contradictory] = [0, 0, 0];
      const refused: RefusedLabel[] = [];
      for (const group of groupLabels(labels)) {
        for (const outcome of await Promise.all(group.map(recordOne))) {
          if ('reason' in outcome) {
            refused.push(outcome);
            continue;
          }
          if (outcome.joined) joined += 1;
          else waiting += 1;
          if (outcome.contradicts) contradictory += 1;
        }
      }
      return { joined, waiting, contradictory, refused };
    },
  };
}

/** The statements at once; more would take all connections of the gateway. */
const atOnce = 8;

/** Groups to store at once, none with two labels of one prediction, because their order counts. */
function* groupLabels(labels: readonly ReceivedLabel[]): Generator<readonly ReceivedLabel[]> {
  let group: ReceivedLabel[] = [];
  for (const label of labels) {
    const isTogether = group.some(
      ({ tenant, predictionId }) => tenant === label.tenant && predictionId === label.predictionId,
    );
    if (group.length === atOnce || isTogether) {
      yield group;
      group = [];
    }
    group.push(label);
  }
  if (group.length > 0) yield group;
}

function mismatch(
  { task, classes, model, version }: PredictionTask,
  { predictionId, label }: ReceivedLabel,
): string | null {
  const reason = task === null ? null : labelMismatch({ task, classes }, label);
  return reason === null
    ? null
    : `${predictionId} is a prediction of ${model}@${version}: ${reason}`;
}

/**
 * Rows reach the log within a second, or wait on disk while PostgreSQL is not available. An id is
 * searched for this long before it counts as unknown.
 */
const maxLogDelayMs = 24 * 3_600_000;

function mayStillCome({ predictionId, receivedAt }: ReceivedLabel): boolean {
  const time = readIdTime(predictionId);
  return time !== null && Date.parse(receivedAt) - time.getTime() < maxLogDelayMs;
}
