/** Requests of the tiny lifecycle's kind through the gateway, each with its true label. */
import { seededRandom } from '../../../domain/statistics/random';
import type { Product } from '../process/product';
import { pause } from '../process/product';

export interface TrafficOptions {
  /** Event time of the first request; each further one is a minute later. */
  readonly from: string;
  /** The number of parallel callers. */
  readonly parallel?: number;
}

export interface TrafficReport {
  readonly asked: number;
  /** Answers that are not the score of the version that they name. */
  readonly failures: readonly string[];
  /** `name@version` → answers. */
  readonly versions: Readonly<Record<string, number>>;
}

export interface Traffic {
  readonly report: () => TrafficReport;
  /** Stops after the last label is sent. */
  stop(): Promise<TrafficReport>;
}

interface Label {
  readonly predictionId: string;
  readonly label: number;
}

const labelsAtOnce = 20;

export function startTraffic(
  product: Product,
  model: string,
  { from, parallel = 4 }: TrafficOptions,
): Traffic {
  const random = seededRandom([1, 2, 3, Date.parse(from) / 60_000]);
  const failures: string[] = [];
  const versions: Record<string, number> = {};
  let [asked, stopped] = [0, false];
  let labels: Label[] = [];

  async function ask(): Promise<void> {
    const at = new Date(Date.parse(from) + asked * 60_000).toISOString();
    asked += 1;
    const row = {
      kind: 'abc'[Math.floor(random() * 3)] ?? 'a',
      x: random() * 4 - 2,
      y: random() * 4 - 2,
      entity: `e${Math.floor(random() * 200)}`,
    };
    const label =
      random() < 1 / (1 + Math.exp(-(1.5 * row.x - row.y + (row.kind === 'a' ? 1 : 0) - 0.5)))
        ? 1
        : 0;
    const tensor = (name: 'kind' | 'x' | 'y', datatype: string) => ({
      name,
      shape: [1],
      datatype,
      data: [row[name]],
    });
    const body = {
      inputs: [tensor('kind', 'BYTES'), tensor('x', 'FP64'), tensor('y', 'FP64')],
      parameters: { entity: row.entity, event_time: at },
    };
    const url = `${product.gatewayUrl}/v2/models/${model}/infer`;
    const answer = await product.call<{ model_version?: string; outputs?: { data: number[] }[] }>(
      'POST',
      url,
      { body },
    );
    const version = answer.headers.get('x-perennial-model-version') ?? '';
    const isWhole =
      `${model}@${answer.body.model_version ?? ''}` === version &&
      typeof answer.body.outputs?.[0]?.data[0] === 'number';
    if (answer.status !== 200 || !isWhole)
      throw new Error(`${answer.status} ${version} ${JSON.stringify(answer.body).slice(0, 300)}`);
    versions[version] = (versions[version] ?? 0) + 1;
    labels.push({ predictionId: answer.headers.get('x-perennial-prediction-id') ?? '', label });
  }

  async function tellLabels(): Promise<void> {
    const due = labels;
    labels = [];
    if (due.length === 0) return;
    const answer = await product
      .call('POST', `${product.gatewayUrl}/v1/feedback`, { body: due })
      .catch(() => null);
    // Labels are sent again while the registry or the gateway is unavailable, as a careful caller
    // does.
    if (answer?.status !== 200 && answer?.status !== 202) labels = [...due, ...labels];
  }

  async function caller(): Promise<void> {
    while (!stopped) {
      try {
        await ask();
        if (labels.length >= labelsAtOnce) await tellLabels();
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
      await pause(10);
    }
  }

  const callers = Array.from({ length: parallel }, caller);
  const report = (): TrafficReport => ({ asked, failures, versions });
  return {
    report,
    async stop() {
      stopped = true;
      await Promise.all(callers);
      for (const deadline = Date.now() + 30_000; labels.length > 0;) {
        await tellLabels();
        if (Date.now() > deadline) throw new Error(`${labels.length} labels could not be sent`);
        if (labels.length > 0) await pause(200);
      }
      return report();
    },
  };
}
