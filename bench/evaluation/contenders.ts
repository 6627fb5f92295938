/**
 * Sends the same cases through the evaluation with its ledger, limits and retries, and directly to
 * the server.
 */
import { computeDigest } from '../../data/digest';
import { promptAnswerer } from '../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../data/language/reranker';
import { evaluateCases } from '../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../data/language/evaluation/evaluator-tools';
import type { ModelTarget } from '../../data/language/attempt';
import type { Sampling } from '../../domain/chat/chat';
import type { EvaluationCase } from '../../domain/language/cases/case';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import { renderPrompt } from '../../domain/prompt/render';
import { dimensions } from '../prompt-search/task';

export interface ScoringContest {
  readonly asking: LedgerAccess;
  readonly target: ModelTarget;
  readonly template: PromptTemplate;
  readonly sampling: Sampling;
  readonly parallel: number;
  /** With `/v1`. */
  readonly url: string;
  readonly cases: readonly EvaluationCase[];
  readonly casesATurn: number;
}

export interface ComparisonFigures {
  readonly cases: number;
  readonly direct: Contender;
  readonly evaluated: Contender;
  /** Time of direct over evaluated: in all, and for each pair of turns. */
  readonly share: number;
  readonly shares: readonly number[];
}

export interface Contender {
  readonly casesAnHour: number;
  /**
   * CPU time of this process, which for the evaluation includes everything except server and
   * database.
   */
  readonly cpuMsACase: number;
}

/**
 * In turns, because the load of the machine is similar in neighbouring turns. Each turn sends cases
 * that the other has not just sent, because a server with prompt caching would be faster the second
 * time. In all, both send every case once.
 */
export async function compareContenders(contest: ScoringContest): Promise<ComparisonFigures> {
  const { cases, casesATurn } = contest;
  const turns = Array.from({ length: Math.floor(cases.length / casesATurn) }, (_, turn) =>
    cases.slice(turn * casesATurn, (turn + 1) * casesATurn),
  );
  const half = Math.floor(turns.length / 2);
  const direct = clock(() => askDirectly);
  const evaluated = clock(() => evaluate);
  const shares: number[] = [];
  for (let turn = 0; turn < 2 * half; turn += 1) {
    const [mine, theirs] = [turns[turn], turns[(turn + half) % (2 * half)]] as const;
    if (!mine || !theirs) continue;
    const order = turn % 2 === 0 ? [direct, evaluated] : [evaluated, direct];
    const took = new Map<typeof direct, number>();
    for (const one of order) took.set(one, await one.run(contest, one === direct ? mine : theirs));
    shares.push((took.get(direct) ?? 0) / (took.get(evaluated) ?? 1));
  }
  return {
    cases: 2 * half * casesATurn,
    direct: direct.read(),
    evaluated: evaluated.read(),
    share: direct.seconds() / evaluated.seconds(),
    shares,
  };
}

type AskContest = (contest: ScoringContest, cases: readonly EvaluationCase[]) => Promise<void>;

function clock(of: () => AskContest) {
  const sum = { seconds: 0, cases: 0, cpuMs: 0 };
  return {
    async run(contest: ScoringContest, cases: readonly EvaluationCase[]): Promise<number> {
      const cpu = process.cpuUsage();
      const since = performance.now();
      await of()(contest, cases);
      const seconds = (performance.now() - since) / 1000;
      const { user, system } = process.cpuUsage(cpu);
      sum.seconds += seconds;
      sum.cases += cases.length;
      sum.cpuMs += (user + system) / 1000;
      return seconds;
    },
    seconds: () => sum.seconds,
    read: (): Contender => ({
      casesAnHour: (sum.cases / sum.seconds) * 3_600,
      cpuMsACase: sum.cpuMs / sum.cases,
    }),
  };
}

async function evaluate(
  { asking, target, template, sampling, parallel }: ScoringContest,
  cases: readonly EvaluationCase[],
): Promise<void> {
  const answerer = promptAnswerer({ asking, template, route: [target], sampling, retrieval: null });
  const tools = createEvaluatorTools(null);
  const results = await evaluateCases({
    cases,
    caseSet: computeDigest(cases),
    dimensions,
    answerer,
    judges: {},
    tools,
    parallel,
  });
  const [unanswered] = results.flatMap(({ unanswered: why }) => why ?? []);
  if (unanswered !== undefined) throw new Error(`a case was not answered: ${unanswered}`);
}

/** The bytes from the provider, read by Node's own client. */
async function askDirectly(
  { url, target, template, sampling, parallel }: ScoringContest,
  cases: readonly EvaluationCase[],
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let given = cases[next++]; given !== undefined; given = cases[next++]) {
      const response = await fetch(`${url}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: target.model,
          messages: renderPrompt(template, given.input),
          temperature: sampling.temperature,
          top_p: sampling.topP,
          max_tokens: sampling.maxTokens,
          seed: sampling.seed,
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'answer', strict: true, schema: template.answerSchema },
          },
        }),
      });
      if (!response.ok) throw new Error(await response.text());
      await response.json();
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
}
