/**
 * Callers of a tiny language application who keep asking through the gateway, each with its own
 * entity, and send the right answer to every question.
 */
import type { Product } from '../process/product';
import { pause } from '../process/product';

export interface TrafficAnswer {
  /** The id of its prediction. */
  readonly id: string;
  readonly caller: string;
  readonly version: number;
  /** The gateway could not confirm that its routing table is current. */
  readonly stale: boolean;
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly text: string;
}

/** The question and the right answer; null if no label is sent. */
export interface TrafficQuestion {
  readonly text: string;
  readonly label: string | null;
}

export interface QuestionTraffic {
  readonly answers: readonly TrafficAnswer[];
  /** Failed attempts; each question is repeated until it is answered. */
  readonly failures: readonly string[];
  /** Waits for `enough` new answers, and fails if any is by another version. */
  untilAnsweredBy(version: number, enough?: number): Promise<void>;
  /** Stops after every question is answered and every label is sent. */
  stop(): Promise<void>;
}

/**
 * An odd number, so that each caller asks about things of both parities, whichever arm it is in.
 */
const names = 23;
/** Longer than a gateway or a model needs to restart on a busy machine. */
const patienceMs = 120_000;

const lamp = (number: number): TrafficQuestion => ({
  text: `What is the code of lamp ${number}?`,
  label: `code ${number}`,
});

export interface TrafficOptions {
  readonly parallel?: number;
  readonly questionOf?: (number: number) => TrafficQuestion;
}

export function startQuestions(
  product: Product,
  model: string,
  { parallel = 3, questionOf = lamp }: TrafficOptions = {},
): QuestionTraffic {
  const answers: TrafficAnswer[] = [];
  const failures: string[] = [];
  let [thing, stopped] = [0, false];

  async function ask(number: number): Promise<TrafficAnswer> {
    const caller = `caller-${number % names}`;
    const askedAt = Date.now();
    const answer = await product.call<{
      id?: string;
      model?: string;
      choices?: { message: { content: string } }[];
    }>('POST', `${product.gatewayUrl}/v1/chat/completions`, {
      body: {
        model,
        messages: [{ role: 'user', content: questionOf(number).text }],
        safety_identifier: caller,
      },
    });
    const { id, model: name = '' } = answer.body;
    if (
      answer.status !== 200 ||
      id === undefined ||
      answer.headers.get('x-perennial-model-version') !== name
    )
      throw new Error(`${answer.status} ${name} ${JSON.stringify(answer.body).slice(0, 300)}`);
    const stale = answer.headers.get('x-perennial-stale') !== null;
    const text = answer.body.choices?.[0]?.message.content ?? '';
    return {
      id,
      caller,
      version: Number(name.split('@')[1]),
      stale,
      askedAt,
      answeredAt: Date.now(),
      text,
    };
  }

  async function tell(id: string, number: number): Promise<void> {
    const { label } = questionOf(number);
    if (label === null) return;
    const body = { predictionId: id, label };
    const answer = await product.call('POST', `${product.gatewayUrl}/v1/feedback`, { body });
    if (answer.status !== 200 && answer.status !== 202)
      throw new Error(`feedback: ${answer.status}`);
  }

  async function caller(): Promise<void> {
    while (!stopped) {
      const number = thing++;
      const given = await untilDone(
        () => ask(number),
        (said) => failures.push(said),
      );
      answers.push(given);
      // The registry or the gateway may be down; a caller whose label must count sends it again.
      await untilDone(
        () => tell(given.id, number),
        () => undefined,
      );
    }
  }

  const callers = Promise.all(Array.from({ length: parallel }, caller));
  // Checked at the end.
  callers.catch(() => undefined);
  return {
    answers,
    failures,
    async untilAnsweredBy(version, enough = 30) {
      const since = Date.now() + 1_000;
      for (const deadline = Date.now() + patienceMs; ;) {
        const late = answers.filter(({ askedAt }) => askedAt > since);
        if (late.length >= enough) {
          expect(new Set(late.map((each) => each.version))).toEqual(new Set([version]));
          return;
        }
        if (Date.now() > deadline)
          throw new Error(`${late.length} answers in ${patienceMs} ms: ${failures.at(-1) ?? ''}`);
        await pause(100);
      }
    },
    async stop() {
      stopped = true;
      await callers;
    },
  };
}

/**
 * The versions that answered each entity between two times, without answers that a gateway marked
 * as possibly outdated.
 */
export function versionsByCaller(
  answers: readonly TrafficAnswer[],
  from: number,
  to: number,
): ReadonlyMap<string, ReadonlySet<number>> {
  const versions = new Map<string, Set<number>>();
  for (const { caller, version, stale, askedAt, answeredAt } of answers) {
    if (stale || askedAt < from || answeredAt > to) continue;
    versions.set(caller, (versions.get(caller) ?? new Set()).add(version));
  }
  return versions;
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
