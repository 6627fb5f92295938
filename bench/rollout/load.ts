/**
 * Sends requests to two gateways without a pause, each for another entity, and compares every
 * answer with the version that it names. A separate process, controlled over IPC.
 */
import { Pool } from 'undici';

export interface RolloutLoadPlan {
  readonly origins: readonly string[];
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The score of each version for these inputs. */
  readonly inputs: unknown;
  /** For each gateway. */
  readonly connections: number;
}

export interface RolloutLoadFigures {
  readonly requests: number;
  readonly seconds: number;
  /** Another status than 200, or a broken connection. */
  readonly failed: number;
  /** Header, body and score do not belong to one version. */
  readonly mixed: number;
  /** `Date.now()` of the newest answer of each version. */
  readonly lastAt: Readonly<Record<number, number>>;
}

const plan = JSON.parse(process.argv[2] ?? '') as RolloutLoadPlan;
const started = performance.now();
const lastAt: Record<number, number> = {};
let [requests, failed, mixed, going] = [0, 0, 0, true];

async function ask(pool: Pool, entity: string): Promise<void> {
  try {
    const { statusCode, headers, body } = await pool.request({
      path: plan.path,
      method: 'POST',
      headers: { ...plan.headers },
      body: JSON.stringify({ inputs: plan.inputs, parameters: { entity } }),
    });
    const answer = (await body.json()) as {
      model_version?: string;
      outputs?: { data: unknown[] }[];
    };
    const version = Number(String(headers['x-perennial-model-version']).split('@')[1]);
    if (statusCode !== 200) failed += 1;
    else if (answer.model_version !== String(version) || answer.outputs?.[0]?.data[0] !== version)
      mixed += 1;
    lastAt[version] = Date.now();
  } catch {
    failed += 1;
  }
  requests += 1;
}

const pools = plan.origins.map(
  (origin) => new Pool(origin, { connections: plan.connections, pipelining: 1 }),
);
const askers = pools.flatMap((pool, gateway) =>
  Array.from({ length: plan.connections }, async (_, place) => {
    for (let turn = 0; going; turn += 1) await ask(pool, `N${gateway}-${place}-${turn % 1000}`);
  }),
);

process.on('message', (told: 'figures' | 'end') => {
  if (told === 'end') going = false;
  const finished = told === 'end' ? Promise.all(askers) : Promise.resolve();
  void finished.then(() => {
    process.send?.({
      requests,
      seconds: (performance.now() - started) / 1000,
      failed,
      mixed,
      lastAt,
    } satisfies RolloutLoadFigures);
    if (told === 'end') process.disconnect();
  });
});
