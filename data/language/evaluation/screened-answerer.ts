import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { Answerer } from './answerer';
import type { CaseScreens } from './case-screens';

/**
 * Screen questions and answers by a safety policy. A blocked answer is empty and names the side; a
 * blocked question is not asked. `input` is the prompt variable with the user's text.
 */
export function screenedAnswerer(ask: Answerer, screens: CaseScreens, input: string): Answerer {
  const answer: Answerer = async (of, asked) => {
    await screens.prepare();
    const { screen, cost } = screens.open();
    const { signal } = asked;
    const said = await screen('input', readInput(of, input), { signal });
    if (said.text === null)
      return {
        text: '',
        blocked: 'input',
        retrieved: [],
        latencyMs: 0,
        cost: cost(),
        fromLedger: false,
      };
    const given = await ask({ ...of, input: { ...of.input, [input]: said.text } }, asked);
    if (given.unchanged) return { ...given, cost: given.cost + cost() };
    const output = await screen('output', given.text, { asked: said.text, signal });
    const paid = { ...given, cost: given.cost + cost() };
    return output.text === null
      ? { ...paid, text: '', blocked: 'output' }
      : { ...paid, text: output.text };
  };
  return Object.assign(answer, { indexVariable: ask.indexVariable ?? null });
}

function readInput({ input: values }: EvaluationCase, name: string): string {
  return String(values[name] ?? '');
}
