import type { PairLabel, UnlabelledPair } from '../../../db/rollout/answer-label-repository';
import { pause } from '../process/product';

export interface Labelling {
  /** The number of pairs labelled so far. */
  count(): number;
  stop(): Promise<void>;
}

/**
 * People who know the right answer and keep labelling judged pairs. Errors are ignored, because a
 * rollout may have ended or the product may be down.
 */
export function startLabelling(
  isRight: (question: string, answer: string) => boolean,
  {
    list,
    label,
  }: {
    readonly list: () => Promise<readonly UnlabelledPair[]>;
    readonly label: (labels: readonly PairLabel[]) => Promise<unknown>;
  },
): Labelling {
  let [stopped, labelled] = [false, 0];
  const working = (async () => {
    while (!stopped) {
      try {
        const pairs = await list();
        const right = (question: string, answer: string | null) =>
          answer !== null && isRight(question, answer);
        if (pairs.length > 0) {
          await label(
            pairs.map(({ predictionId, question, first, second }) => ({
              predictionId,
              first: right(question, first),
              second: right(question, second),
            })),
          );
          labelled += pairs.length;
        }
      } catch {
        // Retried in the next round.
      }
      await pause(200);
    }
  })();
  return {
    count: () => labelled,
    async stop() {
      stopped = true;
      await working;
    },
  };
}
