import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Database } from '../../../db/connection';
import type { AttemptOutcome } from '../../../domain/provider/call-ledger';
import { labels, type EvaluationPlan, type EvaluationResult } from './ledgered-evaluation';
import {
  openScriptedProvider,
  type Fault,
  type ScriptedProvider,
  type ScriptedRequest,
} from '../provider/scripted-provider';

const program = join(__dirname, 'ledgered-evaluation.ts');

export interface KilledRun {
  readonly result: EvaluationResult;
  readonly kills: number;
}

/**
 * Runs the evaluation repeatedly, and kills it (SIGKILL) each time the provider has received the
 * next number of requests.
 */
export async function runWithKills(
  plan: Omit<EvaluationPlan, 'attempt'>,
  provider: ScriptedProvider,
  thresholds: readonly number[],
  onKill: (kills: number) => void = () => undefined,
): Promise<KilledRun> {
  const left = [...thresholds].sort((a, b) => a - b);
  for (let attempt = 1; ; attempt++) {
    const result = await runOnce(
      { ...plan, attempt },
      provider,
      left.shift() ?? Number.POSITIVE_INFINITY,
    );
    if (result) return { result, kills: attempt - 1 };
    onKill(attempt);
  }
}

/** Null if it was killed. */
function runOnce(
  plan: EvaluationPlan,
  provider: ScriptedProvider,
  killAt: number,
): Promise<EvaluationResult | null> {
  const child = spawn(process.execPath, ['-r', 'tsx/cjs', program, JSON.stringify(plan)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // A kill before its first request would test nothing.
  const since = provider.requests.length;
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const watch = setInterval(() => {
    if (provider.requests.length > Math.max(since, killAt - 1)) child.kill('SIGKILL');
  }, 1);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearInterval(watch);
      if (signal === 'SIGKILL') resolve(null);
      else if (code === 0) resolve(JSON.parse(output) as EvaluationResult);
      else reject(new Error(`the evaluation ended with ${code ?? signal ?? 'nothing'}: ${output}`));
    });
  });
}

/**
 * Answers depend only on the question and take 2 to 30 ms. Some requests fail, independent of the
 * question.
 */
export function openEvaluatedProvider(faults: 'none' | 'some'): Promise<ScriptedProvider> {
  const draw = (text: string): number => createHash('sha256').update(text).digest().readUInt16BE(0);
  return openScriptedProvider({
    answer: ({ prompt }) => labels[draw(prompt) % labels.length] ?? '',
    latencyMs: ({ prompt }) => 2 + (draw(`slow ${prompt}`) % 29),
    fault: (_: ScriptedRequest, number) =>
      faults === 'none' ? null : (someFaults[draw(`fault ${number}`) % 500] ?? null),
  });
}

/** Among 500 requests. Rare enough that hardly a call fails the same way in all its attempts. */
const someFaults: readonly Fault[] = [
  { kind: 'error', status: 500 },
  { kind: 'error', status: 503 },
  { kind: 'rateLimited', headers: { 'retry-after-ms': '20' } },
  { kind: 'rateLimited', headers: { 'retry-after': '0' } },
  { kind: 'garbage' },
  { kind: 'cut', afterTokens: 0 },
  { kind: 'truncated', afterTokens: 0 },
];

export interface Reconciled {
  readonly bill: {
    readonly lines: number;
    readonly promptTokens: number;
    readonly completionTokens: number;
  };
  readonly attempts: Readonly<Partial<Record<AttemptOutcome, number>>>;
  /** Lines of the bill that are answered in the ledger, with the same tokens. */
  readonly matched: number;
  /** Lines of the bill for requests that the ledger reports as lost or broken. */
  readonly reported: number;
  /** Discrepancies, one line each; must be empty. */
  readonly wrong: readonly string[];
}

/** Compares the attempts of the ledger with the provider's bill, request by request. */
export async function reconcile(
  { sql }: Database,
  { bill }: ScriptedProvider,
  scope: string,
): Promise<Reconciled> {
  const rows = await sql<
    {
      requestId: string;
      outcome: AttemptOutcome;
      promptTokens: number | null;
      completionTokens: number | null;
    }[]
  >`
    select request_id, outcome, prompt_tokens, completion_tokens from llm_attempts where scope = ${scope}`;
  const lines = new Map(bill.map((line) => [line.requestId, line]));
  const wrong: string[] = lines.size === bill.length ? [] : ['a request was billed twice'];
  const attempts: Partial<Record<AttemptOutcome, number>> = {};
  let matched = 0;
  let reported = 0;
  for (const { requestId, outcome, promptTokens, completionTokens } of rows) {
    attempts[outcome] = (attempts[outcome] ?? 0) + 1;
    const line = lines.get(requestId);
    lines.delete(requestId);
    if (outcome === 'answered') {
      if (line?.promptTokens === promptTokens && line.completionTokens === completionTokens)
        matched += 1;
      else
        wrong.push(`${requestId} is answered, and the bill says ${JSON.stringify(line ?? null)}`);
    } else if (line !== undefined) {
      if (outcome === 'lost' || outcome === 'broken') reported += 1;
      else wrong.push(`${requestId} is ${outcome}, and billed`);
    }
  }
  for (const requestId of lines.keys())
    wrong.push(`${requestId ?? 'null'} is billed and not on the ledger`);
  const total = (of: (line: (typeof bill)[number]) => number) =>
    bill.reduce((sum, line) => sum + of(line), 0);
  const tokens = {
    promptTokens: total((line) => line.promptTokens),
    completionTokens: total((line) => line.completionTokens),
  };
  return { bill: { lines: bill.length, ...tokens }, attempts, matched, reported, wrong };
}
