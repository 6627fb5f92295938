import { Agent, request } from 'undici';
import { CliError } from '../../cli-error';
import { missingKey, type CliSettings } from '../../context';
import type { ReplayLabel, ReplayRow } from './rows';

/**
 * The public API of the gateway, as callers use it. Each request has one row, so that the entity of
 * the row assigns it.
 */
export interface ReplayGateway {
  /** @throws Error when there is no score. */
  infer(row: ReplayRow): Promise<ReplayAnswer>;
  feedback(labels: readonly FeedbackLabel[]): Promise<void>;
  close(): Promise<void>;
}

export interface ReplayAnswer {
  readonly predictionId: string;
  /** `flight-delay@7` */
  readonly version: string;
}

export interface FeedbackLabel {
  readonly predictionId: string;
  readonly label: ReplayLabel;
  readonly labelledAt: string;
}

export interface ReplayGatewayOptions {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly model: string;
  readonly timeColumn: string;
  readonly entityColumn: string | null;
  readonly parallel: number;
  /** Receives the score of each answer, which is then sent with it. */
  readonly onScore?: (row: ReplayRow, score: number, version: string) => void;
}

interface Metadata {
  readonly detail?: string;
  readonly inputs?: readonly { readonly name: string; readonly datatype: string }[];
}

/** @throws CliError when no gateway is known. */
export function knownGateway({ gatewayUrl, apiKey }: Pick<CliSettings, 'gatewayUrl' | 'apiKey'>) {
  if (gatewayUrl === null)
    throw new CliError(
      'the address of the gateway is not known',
      1,
      'perennial up, or set PERENNIAL_GATEWAY_URL',
    );
  if (apiKey === null) throw missingKey(gatewayUrl);
  return { gatewayUrl, apiKey };
}

/**
 * Reads the required columns once. A later version has the request columns of the same lifecycle,
 * so the replay continues.
 */
export async function openReplayGateway(options: ReplayGatewayOptions): Promise<ReplayGateway> {
  const { gatewayUrl, apiKey, model, timeColumn, entityColumn, parallel, onScore } = options;
  const url = `${gatewayUrl}/v2/models/${model}`;
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const dispatcher = new Agent({ connections: parallel, pipelining: 1 });
  const inputs = await fetchMetadata(url, headers, dispatcher);

  return {
    async infer(row) {
      const { at, columns } = row;
      const entity = entityColumn === null ? null : toText(columns[entityColumn]);
      const body = JSON.stringify({
        inputs: inputs.map(({ name, datatype }) => ({
          name,
          datatype,
          shape: [1],
          data: [columns[name] ?? null],
        })),
        parameters: {
          event_time: columns[timeColumn] ?? new Date(at).toISOString(),
          ...(entity === null ? {} : { entity }),
        },
        // Every model has this output. The log has the predictions.
        outputs: [{ name: onScore === undefined ? 'prediction_id' : 'score' }],
      });
      const answer = await request(`${url}/infer`, { method: 'POST', headers, body, dispatcher });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${text.slice(0, 300)}`);
      const version = String(answer.headers['x-perennial-model-version']);
      if (onScore !== undefined) onScore(row, scoreIn(text), version);
      return { predictionId: String(answer.headers['x-perennial-prediction-id']), version };
    },

    feedback: (labels) =>
      sendFeedback(`${gatewayUrl}/v1/feedback`, labels, { headers, dispatcher }),

    close: () => dispatcher.close(),
  };
}

/** @throws Error when the answer has no score. */
function scoreIn(text: string): number {
  const { outputs = [] } = JSON.parse(text) as {
    readonly outputs?: readonly { readonly name: string; readonly data: readonly number[] }[];
  };
  const score = outputs.find(({ name }) => name === 'score')?.data[0];
  if (typeof score !== 'number') throw new Error(`no score in ${text.slice(0, 300)}`);
  return score;
}

export async function sendFeedback(
  url: string,
  labels: readonly FeedbackLabel[],
  { headers, dispatcher }: { readonly headers: Record<string, string>; readonly dispatcher: Agent },
): Promise<void> {
  const answer = await request(url, {
    method: 'POST',
    headers,
    body: JSON.stringify(labels),
    dispatcher,
  });
  const text = await answer.body.text();
  // 202: the gateway keeps the labels until its registry is back.
  if (answer.statusCode !== 200 && answer.statusCode !== 202)
    throw new CliError(`${url} responded with ${answer.statusCode}: ${text.slice(0, 300)}`, 1);
}

async function fetchMetadata(
  url: string,
  headers: Record<string, string>,
  dispatcher: Agent,
): Promise<NonNullable<Metadata['inputs']>> {
  const answer = await request(url, { headers, dispatcher });
  const body = (await answer.body.json()) as Metadata;
  if (answer.statusCode === 200 && body.inputs) return body.inputs;
  await dispatcher.close();
  throw new CliError(
    `${url} responded with ${answer.statusCode}: ${body.detail ?? 'no reason given'}`,
    1,
    'perennial model list',
  );
}

/** Assembled columns are numbers, texts and booleans. */
function toText(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : null;
}
