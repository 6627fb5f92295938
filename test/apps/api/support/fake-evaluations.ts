import type {
  EvaluationState,
  PromptEvaluationClient,
} from '../../../../apps/temporal-clients/prompt-evaluation-client';
import type { PromptEvaluationInput } from '../../../../workflows/prompt/evaluation-messages';

/** A fake of Temporal for the routes of evaluations. */
export interface FakeEvaluations extends PromptEvaluationClient {
  readonly started: PromptEvaluationInput[];
  /** The state of a started evaluation; default: running. */
  readState: (input: PromptEvaluationInput) => Promise<EvaluationState>;
}

export function fakeEvaluations(): FakeEvaluations {
  const fake: FakeEvaluations = {
    started: [],
    readState: ({ count }) => Promise.resolve({ status: 'running', view: { done: 0, of: count } }),
    start: (input) => {
      fake.started.push(input);
      return Promise.resolve();
    },
    state: async ({ tenant, evaluation }) => {
      const input = fake.started.find(
        (each) => each.tenant === tenant && each.evaluation === evaluation,
      );
      return input ? fake.readState(input) : null;
    },
  };
  return fake;
}
