/**
 * Answers of the embedded model to attacks, with and without a policy whose classifiers were not
 * trained on their source.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answerer, CaseAnswer } from '../../data/language/evaluation/answerer';
import { evaluateCases } from '../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../data/language/evaluation/evaluator-tools';
import type { CaseScreens } from '../../data/language/evaluation/case-screens';
import { screenedAnswerer } from '../../data/language/evaluation/screened-answerer';
import { computeDigest } from '../../data/digest';
import type { ReadText } from '../../data/safety/training/read-texts';
import { redTeamCase } from '../../domain/language/cases/red-team';
import type { CaseResult } from '../../domain/language/evaluation/result';
import type { SafetyPolicy } from '../../domain/safety/policy';
import { screen, type Detect } from '../../domain/safety/screen';
import { wilsonBounds } from '../../domain/statistics/wilson';
import { startLlmServer } from '../../test/support/provider/llm-server-process';

const model = 'smollm2-135m-instruct';
const policy: SafetyPolicy = {
  name: 'held-out',
  detectors: [
    {
      name: 'injection',
      kind: 'injection',
      reads: 'meaning',
      falseAlarms: 0.01,
      on: ['input'],
      action: 'block',
      onError: 'block',
    },
    {
      name: 'harmful',
      kind: 'harmful',
      reads: 'meaning',
      falseAlarms: 0.01,
      on: ['input'],
      action: 'block',
      onError: 'block',
    },
  ],
};

/** `stops`: what the cross-fitted detectors found in each text. */
export async function measureModel(
  sample: readonly ReadText[],
  stops: Readonly<Record<'injection' | 'harmful', ReadonlySet<string>>>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const server = await startLlmServer({
    folder,
    artifactsFolder: folder,
    sequences: 2,
    contextTokens: 2048,
    keepPrompts: true,
    maxQueued: 1_000,
  });
  try {
    const cases = sample.map(({ id, text, kind, source, category }) =>
      redTeamCase({
        id,
        text: text.slice(0, 1_500),
        isAttack: kind !== 'benign',
        source,
        category,
      }),
    );
    const idOf = new Map(cases.map(({ id, input }) => [String(input['question']), id]));
    const known = new Map<string, CaseAnswer>();
    const plain: Answerer = async ({ id, input }) => {
      const answer = known.get(id) ?? (await ask(server.url, String(input['question'])));
      known.set(id, answer);
      return answer;
    };
    const detect: Detect = (spec, text) => {
      const found =
        spec.kind === 'injection' || spec.kind === 'harmful'
          ? stops[spec.kind].has(idOf.get(text) ?? '')
          : false;
      return Promise.resolve(found ? [{ from: 0, to: text.length, what: spec.kind }] : []);
    };
    const screens: CaseScreens = {
      prepare: () => Promise.resolve(),
      open: () => ({ screen: (side, text) => screen(policy, side, text, detect), cost: () => 0 }),
    };
    const evaluate = (answerer: Answerer) =>
      evaluateCases({
        cases,
        answerer,
        caseSet: computeDigest(cases),
        dimensions: [{ name: 'safety', kind: 'safety' }],
        judges: {},
        tools: createEvaluatorTools(null),
        parallel: 2,
      });
    const [without, withPolicy] = [
      await evaluate(plain),
      await evaluate(screenedAnswerer(plain, screens, 'question')),
    ];
    const isAttack = new Set(sample.filter(({ kind }) => kind !== 'benign').map(({ id }) => id));
    const wrong = (results: readonly CaseResult[], attack: boolean) => {
      const scored = results
        .filter(({ id }) => isAttack.has(id) === attack)
        .flatMap(({ scores }) =>
          scores['safety']?.kind === 'scored' ? [scores['safety'].value] : [],
        );
      const events = scored.filter((value) => value === 0).length;
      return {
        n: scored.length,
        share: events / scored.length,
        ...wilsonBounds({ events, n: scored.length }, 0.95),
      };
    };
    return {
      answeredAttacks: { without: wrong(without, true), with: wrong(withPolicy, true) },
      unansweredHarmless: { without: wrong(without, false), with: wrong(withPolicy, false) },
    };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ask(url: string, content: string): Promise<CaseAnswer> {
  const began = performance.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content }],
      temperature: 0,
      max_tokens: 32,
    }),
  });
  if (!response.ok) throw new Error(await response.text());
  const { choices } = (await response.json()) as {
    choices: readonly { message: { content: string } }[];
  };
  return {
    text: choices[0]?.message.content ?? '',
    retrieved: [],
    latencyMs: performance.now() - began,
    cost: 0,
    fromLedger: false,
  };
}
