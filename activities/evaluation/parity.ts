import { activityInfo } from '@temporalio/activity';
import { request, type Dispatcher } from 'undici';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { TrainingSet } from '../../domain/training/assembled';
import type { Column, ColumnType } from '../../domain/dataset/dataset';
import { tenantHeader } from '../../domain/access/tenant';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { GateSpec } from '../../domain/decision/gate-spec';
import { versionName, type ModelManifest, type ModelVersionRef } from '../../domain/model/model';
import type { ParityEvidence } from '../../domain/evaluation/parity';
import { probeHeader } from '../../domain/serving/prediction';
import type { ArtifactStore } from '../../data/artifact/store';
import { readParitySample, type ParitySample } from '../../data/evaluation/parity-rows';
import { scoreRows } from '../../data/evaluation/score-rows';
import { openOnnxModel } from '../../data/onnx/session';
import { openScratch, type Scratch } from '../../data/scratch';
import { withDuckDb } from '../../data/sql/platform-sql';
import type { Registry } from '../../db/registry';
import { withHeartbeat } from '../run/heartbeat';

export interface ParityDeps {
  readonly registry: { readonly gateways: Pick<Registry['gateways'], 'live'> };
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes' | 'toFile'>;
  readonly scratchRoot: string;
  /** The platform's own API key; null when none is configured, and the gateway may then refuse. */
  readonly serviceKey: string | null;
  /** Dispatcher for requests to gateways. */
  readonly gatewayDispatcher: Dispatcher;
}

export interface ParityInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly candidate: ModelVersionRef;
  /** JSON `TrainingSet`. */
  readonly assembled: ArtifactRef;
  readonly gate: Extract<GateSpec, { kind: 'parity' }>;
}

const sqlLimits = { memoryBytes: 512 << 20, threads: 1 } as const;
const maxModelBytes = 1 << 30;
/** Like a caller's requests: below the gateway's limit for large requests, and partly batched. */
const rowsPerRequest = 50;
const requestTimeoutMs = 30_000;

export function createParityActivities(deps: ParityDeps) {
  return {
    /**
     * Sends holdout rows through a live gateway and compares its answers with offline predictions.
     * Only writes to the prediction log, so a retry measures again. Other obstacles than an
     * unavailable gateway are returned as evidence that is not measured.
     * @throws GatewayUnavailable (retryable) when no gateway answers.
     */
    measureParity(input: ParityInput): Promise<ParityEvidence> {
      return withHeartbeat(async ({ signal }) => {
        const scratch = await openScratch(deps.scratchRoot, `parity-${input.runId}`);
        try {
          return await measure(deps, input, { scratch, signal });
        } finally {
          await scratch.dispose();
        }
      });
    },
  };
}

interface ParityAttempt {
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
}

async function measure(
  deps: ParityDeps,
  input: ParityInput,
  attempt: ParityAttempt,
): Promise<ParityEvidence> {
  const { candidate, gate } = input;
  const manifest = await deps.artifacts.getJson<ModelManifest>(candidate.manifest);
  const offline = await offlineScores(deps, input, manifest, attempt);
  const { rows } = offline.sample;
  if (rows === 0) return notMeasured('the holdout has no rows');

  const gateway = await liveGateway(deps.registry);
  const online = await onlineScores({
    gateway,
    key: deps.serviceKey,
    dispatcher: deps.gatewayDispatcher,
    tenant: input.tenant,
    candidate,
    columns: manifest.signature.request,
    classes: manifest.signature.classes,
    sample: offline.sample,
    signal: attempt.signal,
  });
  if (online.kind === 'refused') return notMeasured(online.reason);
  return {
    kind: 'measured',
    rows,
    tolerance: gate.tolerance,
    gateway,
    digestServed: online.digest,
    ...compare({ offline: offline.scores, online: online.scores, rows, tolerance: gate.tolerance }),
  };
}

/** Scores of the graph on the features that assembly wrote, as in the evaluation. */
async function offlineScores(
  { artifacts }: ParityDeps,
  { assembled, gate }: ParityInput,
  manifest: ModelManifest,
  { scratch, signal }: ParityAttempt,
): Promise<{ readonly sample: ParitySample; readonly scores: Float64Array }> {
  const { holdout } = (await artifacts.getJson<TrainingSet>(assembled)).parts;
  const files = {
    features: scratch.path('features.parquet'),
    requestRows: scratch.path('request.parquet'),
  };
  await artifacts.toFile(holdout.features, files.features, { signal });
  await artifacts.toFile(holdout.requestRows, files.requestRows, { signal });
  const { request: columns, features, classes } = manifest.signature;
  const model = await openOnnxModel(
    await artifacts.getBytes(manifest.onnx, { maxBytes: maxModelBytes }),
    features,
    classes,
  );
  try {
    return await withDuckDb(
      async (sql) => {
        const source = {
          ...files,
          total: holdout.rows,
          wanted: gate.rows,
          columns,
          featuresSample: scratch.path('sample.parquet'),
        };
        const sample = await readParitySample(sql, source);
        return { sample, scores: await scoreRows(sql, sample.featuresFile, model, sample.rows) };
      },
      { ...sqlLimits, spillDirectory: scratch.path('spill'), signal },
    );
  } finally {
    await model.close();
  }
}

/** Each attempt uses another gateway, because the previous one may be stuck. */
async function liveGateway(registry: ParityDeps['registry']): Promise<string> {
  const live = [...(await registry.gateways.live())].sort((a, b) => (a.id < b.id ? -1 : 1));
  const gateway = live[(activityInfo().attempt - 1) % Math.max(1, live.length)];
  if (gateway === undefined)
    throw failure('GatewayUnavailable', 'no gateway has a lease, so parity cannot be measured', {
      next: 'perennial gateway',
    });
  return gateway.url;
}

interface Online {
  readonly gateway: string;
  readonly key: string | null;
  readonly dispatcher: Dispatcher;
  readonly tenant: Tenant;
  readonly candidate: ModelVersionRef;
  readonly columns: readonly Column[];
  readonly classes: readonly string[] | undefined;
  readonly sample: ParitySample;
  readonly signal: AbortSignal;
}

type OnlineScores =
  | { readonly kind: 'answered'; readonly scores: Float64Array; readonly digest: Digest }
  | { readonly kind: 'refused'; readonly reason: string };

async function onlineScores(online: Online): Promise<OnlineScores> {
  const { sample, candidate, gateway, classes } = online;
  const width = classes?.length ?? 1;
  const scores = new Float64Array(sample.rows * width).fill(NaN);
  let digest: string | undefined;
  for (let from = 0; from < sample.rows; from += rowsPerRequest) {
    const until = Math.min(sample.rows, from + rowsPerRequest);
    const answer = await infer(online, from, until);
    if (answer.kind === 'refused') return answer;
    digest ??= answer.digest;
    if (answer.digest !== digest) {
      return {
        kind: 'refused',
        reason:
          `${gateway} served ${digest} and then ${answer.digest} ` + `as ${versionName(candidate)}`,
      };
    }
    scores.set(answer.scores, from * width);
  }
  return { kind: 'answered', scores, digest: digest as Digest };
}

async function infer(
  { gateway, key, dispatcher, tenant, candidate, columns, classes, sample, signal }: Online,
  from: number,
  until: number,
): Promise<
  | { readonly kind: 'answered'; readonly scores: readonly number[]; readonly digest: string }
  | { readonly kind: 'refused'; readonly reason: string }
> {
  const model = encodeURIComponent(candidate.model);
  const url = `${gateway}/v2/models/${model}/versions/${candidate.version}/infer`;
  const inputs = columns.map(({ name, type }) => ({
    name,
    shape: [until - from, 1],
    datatype: datatypes[type],
    data: sample.request[name]?.slice(from, until),
  }));
  const output = classes === undefined ? 'score' : 'probabilities';
  const answer = await ask(
    url,
    { key, dispatcher, tenant, output, signal },
    { inputs, outputs: [{ name: output }] },
  );
  const digest = answer.headers['x-perennial-model-digest'];
  if (answer.status !== 200 || typeof digest !== 'string') {
    const detail = answer.detail === null ? '' : `: ${answer.detail}`;
    const reason = `${gateway} answered ${answer.status}${detail}`;
    // An overloaded, starting or slow gateway may answer the next attempt. Other errors are final.
    if (outages.has(answer.status)) throw failure('GatewayUnavailable', reason);
    return { kind: 'refused', reason };
  }
  const scores = answer.scores.filter((score) => typeof score === 'number');
  const wanted = (until - from) * (classes?.length ?? 1);
  if (scores.length !== wanted)
    return {
      kind: 'refused',
      reason:
        `${gateway} returned ${scores.length} scores for ${until - from} rows; ` +
        `expected ${wanted}`,
    };
  return { kind: 'answered', scores, digest };
}

const outages: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Data types of the Open Inference Protocol V2. */
const datatypes = {
  string: 'BYTES',
  integer: 'INT64',
  number: 'FP64',
  boolean: 'BOOL',
  timestamp: 'BYTES',
} as const satisfies Record<ColumnType, string>;

interface GatewayAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly scores: readonly unknown[];
  readonly detail: string | null;
}

async function ask(
  url: string,
  {
    key,
    dispatcher,
    tenant,
    output,
    signal: cancelled,
  }: Pick<Online, 'key' | 'dispatcher' | 'tenant' | 'signal'> & { readonly output: string },
  body: unknown,
): Promise<GatewayAnswer> {
  try {
    const answer = await request(url, {
      dispatcher,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        [probeHeader]: 'parity',
        [tenantHeader]: tenant,
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.any([cancelled, AbortSignal.timeout(requestTimeoutMs)]),
    });
    const json = (await answer.body.json().catch(() => null)) as {
      outputs?: { name?: string; data?: unknown[] }[];
      detail?: string;
    } | null;
    const scores = json?.outputs?.find(({ name }) => name === output)?.data ?? [];
    return {
      status: answer.statusCode,
      headers: answer.headers,
      scores,
      detail: json?.detail ?? null,
    };
  } catch (cause) {
    cancelled.throwIfAborted();
    throw failure('GatewayUnavailable', `${new URL(url).origin} does not answer`, { cause });
  }
}

/** A row with several scores agrees if all of them agree. */
function compare({ offline, online, rows, tolerance }: ComparedScores): {
  readonly compared: number;
  readonly agreeing: number;
  readonly maxDifference: number;
} {
  let [compared, agreeing, maxDifference] = [0, 0, 0];
  const width = offline.length / rows;
  for (let row = 0; row < rows; row += 1) {
    const values = offline.subarray(row * width, (row + 1) * width);
    const difference = values.reduce(
      (most, value, column) =>
        Math.max(most, Math.abs(value - (online[row * width + column] ?? NaN))),
      0,
    );
    if (Number.isNaN(difference)) continue;
    compared += 1;
    if (difference <= tolerance) agreeing += 1;
    maxDifference = Math.max(maxDifference, difference);
  }
  return { compared, agreeing, maxDifference };
}

interface ComparedScores {
  readonly offline: Float64Array;
  readonly online: Float64Array;
  readonly rows: number;
  readonly tolerance: number;
}

function notMeasured(reason: string): ParityEvidence {
  return { kind: 'notMeasured', rows: 0, reason };
}
