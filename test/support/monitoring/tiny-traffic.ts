import { seededRandom } from '../../../domain/statistics/random';
import type { Product } from '../process/product';

export interface TinyRequests {
  readonly from: string;
  readonly rows: number;
  /** Adds to `x`, which the reference has between −2 and 2. */
  readonly shift?: number;
  /** Adds to `y`, which the reference has between −2 and 2. */
  readonly shiftY?: number;
  readonly kind?: string;
  /** Requests may fail, as while a gateway restarts. */
  readonly mayFail?: boolean;
}

export interface TinyLabel {
  readonly predictionId: string;
  readonly label: number;
}

/** One request for each row of a tiny lifecycle, a minute of event time apart, and then all labels. */
export async function sendTinyRequests(
  product: Product,
  model: string,
  requests: TinyRequests,
): Promise<void> {
  const labels = await askTinyRequests(product, model, requests);
  await product.call('POST', `${product.gatewayUrl}/v1/feedback`, { body: labels });
}

/** Returns the labels of the answered requests. */
export async function askTinyRequests(
  product: Product,
  model: string,
  { from, rows, shift = 0, shiftY = 0, kind, mayFail = false }: TinyRequests,
): Promise<readonly TinyLabel[]> {
  const random = seededRandom([3, 1, rows, Date.parse(from) / 60_000]);
  const labels: TinyLabel[] = [];
  const url = `${product.gatewayUrl}/v2/models/${model}/infer`;
  for (let sent = 0; sent < rows; sent += 20) {
    const many = Array.from({ length: Math.min(20, rows - sent) }, (_, index) => ({
      at: new Date(Date.parse(from) + (sent + index) * 60_000).toISOString(),
      kind: kind ?? 'abc'[Math.floor(random() * 3)] ?? 'a',
      x: random() * 4 - 2 + shift,
      y: random() * 4 - 2 + shiftY,
    }));
    await Promise.all(
      many.map(async ({ at, ...row }) => {
        const inputs = Object.entries(row).map(([name, value]) => ({
          name,
          shape: [1],
          datatype: name === 'kind' ? 'BYTES' : 'FP64',
          data: [value],
        }));
        const body = { inputs, parameters: { entity: `e${sent}`, event_time: at } };
        const answer = await product.call('POST', url, { body }).catch((error: unknown) => {
          if (mayFail) return null;
          throw error;
        });
        if (answer?.status !== 200) {
          if (mayFail) return;
          throw new Error(JSON.stringify(answer?.body));
        }
        const score = 1.5 * row.x - row.y + (row.kind === 'a' ? 1 : 0) - 0.5;
        labels.push({
          predictionId: answer.headers.get('x-perennial-prediction-id') ?? '',
          label: random() < 1 / (1 + Math.exp(-score)) ? 1 : 0,
        });
      }),
    );
  }
  return labels;
}
