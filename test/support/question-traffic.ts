/** Callers of a tiny language application who keep asking through the gateway, each under a name of their own, and tell the right answer to every question. */
import type { Product } from './product';
import { pause } from './product';

export interface GivenAnswer {
  readonly caller: string;
  readonly version: number;
  /** By a gateway that did not know whether it knew the current table. */
  readonly stale: boolean;
  readonly askedAt: number;
  readonly answeredAt: number;
}

export interface QuestionTraffic {
  readonly answers: readonly GivenAnswer[];
  /** Tries that were not answered; each question was asked until it was. */
  readonly failures: readonly string[];
  /** Ends it, once every question is answered and what was to be told of it is told. */
  stop(): Promise<void>;
}

/** An odd number: each asks about things of either parity, whoever of them a rollout draws for its challenger. */
const names = 23;
/** Longer than a gateway needs to come back. */
const patienceMs = 60_000;

export function startQuestions(product: Product, model: string, { parallel = 3 }: { readonly parallel?: number } = {}): QuestionTraffic {
  const answers: GivenAnswer[] = [];
  const failures: string[] = [];
  let [thing, stopped] = [0, false];

  async function ask(number: number): Promise<{ readonly given: GivenAnswer; readonly id: string }> {
    const caller = `caller-${number % names}`;
    const askedAt = Date.now();
    const answer = await product.call<{ id?: string; model?: string; choices?: { message: { content: string } }[] }>(
      'POST',
      `${product.gatewayUrl}/v1/chat/completions`,
      { body: { model, messages: [{ role: 'user', content: `What is the code of lamp ${number}?` }], safety_identifier: caller } },
    );
    const { id, model: name = '' } = answer.body;
    if (answer.status !== 200 || id === undefined || answer.headers.get('x-perennial-model-version') !== name)
      throw new Error(`${answer.status} ${name} ${JSON.stringify(answer.body).slice(0, 300)}`);
    const stale = answer.headers.get('x-perennial-stale') !== null;
    return { id, given: { caller, version: Number(name.split('@')[1]), stale, askedAt, answeredAt: Date.now() } };
  }

  async function tell(id: string, number: number): Promise<void> {
    const answer = await product.call('POST', `${product.gatewayUrl}/v1/feedback`, { body: { predictionId: id, label: `code ${number}` } });
    if (answer.status !== 200) throw new Error(`feedback: ${answer.status}`);
  }

  async function caller(): Promise<void> {
    while (!stopped) {
      const number = thing++;
      const { id, given } = await untilDone(
        () => ask(number),
        (said) => failures.push(said),
      );
      answers.push(given);
      // The registry or the gateway may be away: who wants a label to count sends it again.
      await untilDone(
        () => tell(id, number),
        () => undefined,
      );
    }
  }

  const callers = Promise.all(Array.from({ length: parallel }, caller));
  // Looked at when it is stopped.
  callers.catch(() => undefined);
  return {
    answers,
    failures,
    async stop() {
      stopped = true;
      await callers;
    },
  };
}

async function untilDone<T>(work: () => Promise<T>, failed: (said: string) => void): Promise<T> {
  for (const until = Date.now() + patienceMs; ;) {
    try {
      return await work();
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error));
      if (Date.now() > until) throw error;
      await pause(100);
    }
  }
}
