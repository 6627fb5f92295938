import { request } from 'undici';
import { CliError } from '../cli-error';

export interface Prediction {
  readonly score: number;
  /** `flight-delay@7` */
  readonly version: string;
}

export interface InferenceClient {
  /** Rows by column name; columns that the model does not need are not sent. */
  infer(rows: readonly Readonly<Record<string, unknown>>[]): Promise<readonly Prediction[]>;
}

interface InferenceMetadata {
  readonly inputs: readonly { readonly name: string; readonly datatype: string }[];
}

interface RowAnswer {
  readonly detail?: string;
  readonly outputs?: readonly { readonly name: string; readonly data: readonly number[] }[];
}

/**
 * Reads the required columns from the metadata of the model, and sends only those (Open Inference
 * Protocol V2).
 */
export async function openInferenceClient(options: {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly model: string;
  /** Version to call; by default, the gateway chooses it. */
  readonly version?: number;
}): Promise<InferenceClient> {
  const { gatewayUrl, apiKey, model, version: asked } = options;
  const url =
    `${gatewayUrl}/v2/models/${model}` + (asked === undefined ? '' : `/versions/${asked}`);
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const described = await request(url, { headers });
  if (described.statusCode !== 200)
    throw new CliError(
      `${url} responded with ${described.statusCode}: ${await described.body.text()}`,
      1,
    );
  const { inputs } = (await described.body.json()) as InferenceMetadata;
  return {
    infer: async (rows) => {
      const tensors = inputs.map(({ name, datatype }) => ({
        name,
        datatype,
        shape: [rows.length],
        data: rows.map((row) => row[name] ?? null),
      }));
      const answer = await request(`${url}/infer`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ inputs: tensors }),
      });
      const body = (await answer.body.json()) as RowAnswer;
      if (answer.statusCode !== 200)
        throw new CliError(
          `${url}/infer responded with ${answer.statusCode}: ${body.detail ?? ''}`,
          1,
        );
      const scores = body.outputs?.find((output) => output.name === 'score')?.data ?? [];
      const version = String(answer.headers['x-perennial-model-version']);
      return scores.map((score) => ({ score, version }));
    },
  };
}
