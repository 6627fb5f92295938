import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { collectProcessMetrics } from '../process/metrics';
import type { FeedbackCounts, ReplayedLabels } from './feedback/feedback-log';
import type { AdmissionLimit } from './inference/admission';
import type { OnReranked } from './chat/retrieve';
import type { OnScreened } from './chat/answer';
import type { OnDetected } from './model/load-bundle';
import type { MeasuredModel } from './model/measured-model';
import type { ShadowOutcome } from './routing/shadow';

/** The values that `/metrics` reads at each scrape. */
export interface GatewayState {
  requestsInProgress(): number;
  models(): { readonly models: number; readonly bytes: number };
  blockedModels(): number;
  epoch(): number;
  leaseSeconds(): number;
  pendingPredictions(): number;
  shadowRows(): number;
  shadowChats(): number;
  openAnswers(): number;
  /** Expiry in seconds since 1970; undefined without TLS. */
  readonly certificateExpiry: (() => number) | undefined;
  spilledBytes(): number;
  spillFails(): boolean;
  journalFails(): boolean;
  feedbackBytes(): number;
  feedbackFails(): boolean;
}

type MeasuredVersion = MeasuredModel & { readonly version: number };

export interface GatewayMetrics {
  readonly registry: Registry;
  request(
    labels: MeasuredModel & {
      readonly version: number | null;
      readonly arm: string;
      readonly status: number;
      readonly seconds: number;
    },
  ): void;
  readonly refused: (model: MeasuredModel, limit: AdmissionLimit) => void;
  readonly interrupted: (model: MeasuredModel, requests: number) => void;
  readonly batch: (model: MeasuredModel, rows: number) => void;
  readonly staleAnswer: () => void;
  readonly challengerFailed: (version: MeasuredVersion) => void;
  readonly shadowed: (version: MeasuredVersion, outcome: ShadowOutcome) => void;
  readonly screened: OnScreened;
  readonly looked: OnDetected;
  readonly reranked: OnReranked;
  readonly loadFailed: (model: MeasuredModel) => void;
  readonly predictionsWritten: (rows: number) => void;
  readonly predictionsSpilled: (rows: number) => void;
  readonly predictionsLost: (rows: number, reason: string) => void;
  readonly feedbackRecorded: (labels: FeedbackOutcomes) => void;
  readonly feedbackStored: (labels: number) => void;
  readonly feedbackReplayed: (labels: ReplayedLabels) => void;
  readonly observe: (state: GatewayState) => void;
}

type FeedbackOutcomes = Pick<FeedbackCounts, 'joined' | 'waiting' | 'unknown' | 'contradictory'>;

/** `process` is the number of one of several processes behind one address; each series names it. */
export function createGatewayMetrics(process: number | null = null): GatewayMetrics {
  const registry = new Registry();
  if (process !== null) registry.setDefaultLabels({ process: String(process) });
  const registers = [registry];
  collectProcessMetrics(registry);
  const requests = new Counter({
    name: 'perennial_gateway_requests_total',
    help: 'Inference requests by version and status.',
    labelNames: ['tenant', 'model', 'version', 'arm', 'status'] as const,
    registers,
  });
  const latency = new Histogram({
    name: 'perennial_gateway_request_duration_seconds',
    help: 'Time from the start of an inference request to its response.',
    labelNames: ['tenant', 'model', 'arm'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const refusals = new Counter({
    name: 'perennial_gateway_requests_refused_total',
    help: 'Inference requests refused because of load, by the limit: model or wait (429), gateway (503).',
    labelNames: ['tenant', 'model', 'limit'] as const,
    registers,
  });
  const interruptions = new Counter({
    name: 'perennial_gateway_requests_interrupted_total',
    help: 'Requests that were in progress in a gateway process that was killed, at most. Another process counts them.',
    labelNames: ['tenant', 'model'] as const,
    registers,
  });
  const batches = new Histogram({
    name: 'perennial_gateway_batch_rows',
    help: 'Rows per call of features and graph.',
    labelNames: ['tenant', 'model'] as const,
    buckets: [1, 2, 4, 8, 16, 32, 64, 512],
    registers,
  });
  const stale = new Counter({
    name: 'perennial_gateway_stale_answers_total',
    help: 'Responses by a version that may no longer be the champion.',
    registers,
  });
  const challengers = new Counter({
    name: 'perennial_gateway_challenger_failures_total',
    help: 'Requests that the challenger failed and the champion answered.',
    labelNames: ['tenant', 'model', 'version'] as const,
    registers,
  });
  const shadows = new Counter({
    name: 'perennial_gateway_shadow_requests_total',
    help: 'Requests that the other arm should score as well; dropped: given up because of a full queue or the time limit.',
    labelNames: ['tenant', 'model', 'version', 'outcome'] as const,
    registers,
  });
  const screenings = new Counter({
    name: 'perennial_gateway_screened_texts_total',
    help: 'Texts checked by safety policies, by outcome.',
    labelNames: ['tenant', 'model', 'side', 'outcome'] as const,
    registers,
  });
  const looks = new Histogram({
    name: 'perennial_gateway_detector_duration_seconds',
    help: 'Checks of a text by safety detectors: count, duration, and finding or failure. Detectors that call a model also count as requests to its provider.',
    labelNames: ['tenant', 'model', 'kind', 'outcome'] as const,
    buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const rerankings = new Counter({
    name: 'perennial_gateway_rerankings_total',
    help: 'Queries with a reranker: done, or why the order of the index was kept.',
    labelNames: ['tenant', 'model', 'outcome'] as const,
    registers,
  });
  const loads = new Counter({
    name: 'perennial_gateway_model_load_failures_total',
    help: 'Versions that could not be loaded or probed.',
    labelNames: ['tenant', 'model'] as const,
    registers,
  });
  const written = new Counter({
    name: 'perennial_gateway_predictions_written_total',
    help: 'Predictions stored in the registry.',
    registers,
  });
  const spilled = new Counter({
    name: 'perennial_gateway_predictions_spilled_total',
    help: 'Predictions written to disk while the registry was not reachable.',
    registers,
  });
  const lost = new Counter({
    name: 'perennial_gateway_predictions_dropped_total',
    help: 'Predictions that were lost.',
    labelNames: ['reason'] as const,
    registers,
  });
  const labels = new Counter({
    name: 'perennial_gateway_feedback_labels_total',
    help: 'Labels by outcome. Labels that wait on disk are counted once the registry is back; refused ones did not fit their predictions.',
    labelNames: ['outcome'] as const,
    registers,
  });
  // From the start, because an alert sees only the increase of a series that exists.
  for (const outcome of ['joined', 'waiting', 'unknown', 'refused']) labels.inc({ outcome }, 0);
  const contradictoryLabels = new Counter({
    name: 'perennial_gateway_feedback_contradictory_total',
    help: 'Recorded labels that differ from an earlier label of their prediction.',
    registers,
  });
  const storedLabels = new Counter({
    name: 'perennial_gateway_feedback_stored_total',
    help: 'Labels written to disk while the registry was not reachable.',
    registers,
  });
  const replayedLabels = new Counter({
    name: 'perennial_gateway_feedback_replayed_total',
    help: 'Labels from disk that were recorded or refused.',
    registers,
  });

  // Label objects are cached per version, arm and status, because building them is the main cost in
  // prom-client.
  const counters = new Map<string, { inc(): void }>();
  const timers = new Map<string, { observe(seconds: number): void }>();
  const batchSizes = new Map<string, { observe(rows: number): void }>();

  function batch({ tenant, model }: MeasuredModel, size: number): void {
    const key = `${tenant}/${model}`;
    let sizes = batchSizes.get(key);
    if (sizes === undefined) {
      sizes = batches.labels({ tenant, model });
      batchSizes.set(key, sizes);
    }
    sizes.observe(size);
  }

  function request({
    tenant,
    model,
    version,
    arm,
    status,
    seconds,
  }: Parameters<GatewayMetrics['request']>[0]): void {
    const key = `${tenant}/${model}@${version}/${arm}/${status}`;
    let counter = counters.get(key);
    if (counter === undefined) {
      counter = requests.labels({
        tenant,
        model,
        version: version === null ? '' : String(version),
        arm,
        status: String(status),
      });
      counters.set(key, counter);
    }
    counter.inc();
    const timerKey = `${tenant}/${model}/${arm}`;
    let timer = timers.get(timerKey);
    if (timer === undefined) {
      timer = latency.labels({ tenant, model, arm });
      timers.set(timerKey, timer);
    }
    timer.observe(seconds);
  }

  function observe(state: GatewayState): void {
    const gauge = (name: string, help: string, read: () => number): void => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    };
    gauge(
      'perennial_gateway_requests_in_progress',
      'Inference requests in progress, waiting ones included.',
      () => state.requestsInProgress(),
    );
    gauge('perennial_gateway_models_loaded', 'Versions in memory.', () => state.models().models);
    gauge(
      'perennial_gateway_model_memory_bytes',
      'Estimated memory of the versions in memory.',
      () => state.models().bytes,
    );
    gauge(
      'perennial_gateway_models_blocked',
      'Models whose routed version cannot be served here.',
      () => state.blockedModels(),
    );
    gauge(
      'perennial_gateway_routing_epoch',
      'Newest routing epoch that is completely served.',
      () => state.epoch(),
    );
    gauge('perennial_gateway_lease_seconds', 'Seconds until the lease expires; 0 after that.', () =>
      state.leaseSeconds(),
    );
    gauge('perennial_gateway_stale', '1 while only the last known champion answers.', () =>
      state.leaseSeconds() > 0 ? 0 : 1,
    );
    gauge('perennial_gateway_predictions_pending', 'Predictions in memory, not yet written.', () =>
      state.pendingPredictions(),
    );
    gauge(
      'perennial_gateway_shadow_rows_waiting',
      'Rows waiting to be scored after their response.',
      () => state.shadowRows(),
    );
    gauge(
      'perennial_gateway_shadow_chats_waiting',
      'Conversations waiting for the answer of the other arm.',
      () => state.shadowChats(),
    );
    gauge('perennial_gateway_open_answers', 'Conversations with an answer in progress.', () =>
      state.openAnswers(),
    );
    gauge(
      'perennial_gateway_spill_failing',
      '1 while predictions wait in memory because neither the registry nor the disk accepts them.',
      () => (state.spillFails() ? 1 : 0),
    );
    gauge(
      'perennial_gateway_journal_failing',
      '1 while a kill would lose predictions, because their journal cannot be written.',
      () => (state.journalFails() ? 1 : 0),
    );
    gauge('perennial_gateway_spill_bytes', 'Predictions on disk, waiting for the registry.', () =>
      state.spilledBytes(),
    );
    if (state.certificateExpiry !== undefined)
      gauge(
        'perennial_gateway_certificate_expiry_seconds',
        'End of the validity of the TLS certificate in use, in seconds since 1970.',
        state.certificateExpiry,
      );
    gauge('perennial_gateway_feedback_bytes', 'Feedback on disk, waiting for the registry.', () =>
      state.feedbackBytes(),
    );
    gauge(
      'perennial_gateway_feedback_failing',
      '1 if feedback got 503 within the last minute, because neither the registry nor the disk accepted it.',
      () => (state.feedbackFails() ? 1 : 0),
    );
  }

  function feedbackRecorded({ joined, waiting, unknown, contradictory }: FeedbackOutcomes): void {
    contradictoryLabels.inc(contradictory);
    labels.labels({ outcome: 'joined' }).inc(joined);
    labels.labels({ outcome: 'waiting' }).inc(waiting);
    labels.labels({ outcome: 'unknown' }).inc(unknown);
  }

  function feedbackReplayed({ refused, ...outcomes }: ReplayedLabels): void {
    feedbackRecorded(outcomes);
    labels.labels({ outcome: 'refused' }).inc(refused.length);
    const { joined, waiting, unknown } = outcomes;
    replayedLabels.inc(joined + waiting + unknown + refused.length);
  }

  return {
    registry,
    request,
    observe,
    refused: ({ tenant, model }, limit) => refusals.labels({ tenant, model, limit }).inc(),
    interrupted: ({ tenant, model }, amount) => interruptions.labels({ tenant, model }).inc(amount),
    batch,
    staleAnswer: () => stale.inc(),
    challengerFailed: ({ tenant, model, version }) =>
      challengers.labels({ tenant, model, version: String(version) }).inc(),
    shadowed: ({ tenant, model, version }, outcome) =>
      shadows.labels({ tenant, model, version: String(version), outcome }).inc(),
    screened: ({ tenant, model }, side, outcome) =>
      screenings.labels({ tenant, model, side, outcome }).inc(),
    looked: ({ seconds, ...labels }) => looks.labels(labels).observe(seconds),
    reranked: ({ tenant, model }, outcome) => rerankings.labels({ tenant, model, outcome }).inc(),
    loadFailed: ({ tenant, model }) => loads.labels({ tenant, model }).inc(),
    predictionsWritten: (amount) => written.inc(amount),
    predictionsSpilled: (amount) => spilled.inc(amount),
    predictionsLost: (amount, reason) => lost.labels({ reason }).inc(amount),
    feedbackRecorded,
    feedbackStored: (amount) => storedLabels.inc(amount),
    feedbackReplayed,
  };
}
