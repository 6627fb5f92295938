/**
 * 200 parallel starts, then as many cancellations as there are open runs, against the whole
 * product, while another client reads. Prints the response times.
 */
import { parseArgs } from 'node:util';
import { startProduct, type Answer, type Product } from '../test/support/process/product';
import { writeTinyLifecycle } from '../test/support/tiny-lifecycle';
import { quantile, report, rounded } from './figures';

interface Timed {
  readonly seconds: number;
  readonly status: number;
  readonly detail: string;
  readonly retryAfter: string | null;
}

interface LoadTimes {
  readonly writes: readonly Timed[];
  readonly reads: readonly Timed[];
}

const options = { starts: { type: 'string', default: '200' } } as const;
const lifecycle = 'load';

async function timed(ask: () => Promise<Answer>): Promise<Timed> {
  const startedAt = performance.now();
  const answer = await ask().catch((error: unknown) => ({
    status: 0,
    body: { detail: String(error) },
    headers: new Headers(),
  }));
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    seconds,
    status: answer.status,
    detail: typeof answer.body['detail'] === 'string' ? answer.body['detail'] : '',
    retryAfter: answer.headers.get('retry-after'),
  };
}

/** Sends all writes at once, and one read every 100 ms until the last write has its response. */
async function load(
  product: Product,
  writes: readonly (() => Promise<Answer>)[],
): Promise<LoadTimes> {
  let isOver = false;
  const reading = (async () => {
    const reads: Promise<Timed>[] = [];
    while (!isOver) {
      reads.push(timed(() => product.call('GET', '/runs?pageSize=20')));
      await new Promise((again) => setTimeout(again, 100));
    }
    return Promise.all(reads);
  })();
  const answers = await Promise.all(writes.map((write) => timed(write)));
  isOver = true;
  return { writes: answers, reads: await reading };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options });

  const product = await startProduct({ args: ['--fresh'] });
  try {
    await product.apply(writeTinyLifecycle(product.workDir, { name: lifecycle }));
    const starts = await load(
      product,
      Array.from(
        { length: Number(values.starts) },
        () => () => product.call('POST', `/lifecycles/${lifecycle}/runs`, { body: {} }),
      ),
    );
    const { body } = await product.call<{ items: { id: string; status: string }[] }>(
      'GET',
      '/runs?pageSize=200',
    );
    const open = body.items.filter(({ status }) =>
      ['pending', 'running', 'waiting'].includes(status),
    );
    const cancels = await load(
      product,
      open.map(
        ({ id }) =>
          () =>
            product.call('POST', `/runs/${id}/cancel`, { body: { reason: 'bench' } }),
      ),
    );
    const parts = {
      starts: starts.writes,
      readsBesideStarts: starts.reads,
      cancels: cancels.writes,
      readsBesideCancels: cancels.reads,
    };
    report(
      'parallel changes through the API',
      Object.entries(parts).map(([name, answers]) => [name, line(answers)]),
      Object.fromEntries(Object.entries(parts).map(([name, answers]) => [name, figures(answers)])),
    );
  } finally {
    await product.stop();
  }
}

function figures(answers: readonly Timed[]) {
  const seconds = answers.map((answer) => answer.seconds);
  const statuses: Record<string, number> = {};
  for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1;
  const refusals = [
    ...new Set(
      answers
        .filter(({ status }) => status >= 400)
        .map(({ detail, retryAfter }) => `${detail} [${retryAfter ?? 'no'} Retry-After]`),
    ),
  ];
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => rounded(quantile(seconds, share), 2));
  return { count: answers.length, statuses, p50, p99, max, refusals: refusals.slice(0, 5) };
}

function line(answers: readonly Timed[]): string {
  const { count, statuses, p50, p99, max } = figures(answers);
  return `${count} requests, ${JSON.stringify(statuses)}, p50 ${p50} s, p99 ${p99} s, max ${max} s`;
}

void main();
