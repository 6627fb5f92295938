/**
 * Cases per hour of an evaluation with ledger, limits and retries, beside the same requests sent
 * directly to the same server at the same time. The servers are the embedded model and an
 * OpenAI-compatible server with a fixed response time. Also measures how far the embedded model, as
 * a judge, agrees with certain labels. Prints a table and, last, one JSON line. Only
 * `--judge-people`: how far a judge agrees with people; `--provider <url> --model <name>` selects
 * another model than the embedded one.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LedgerAccess } from '../../data/language/reranker';
import { defaultTenant as tenant } from '../../domain/ids';
import type { Sampling } from '../../domain/chat/chat';
import type { JudgeCalibration } from '../../domain/language/judge/calibration';
import { startLlmServer } from '../../test/support/provider/llm-server-process';
import { openScriptedProvider } from '../../test/support/provider/scripted-provider';
import { compareContenders, type ComparisonFigures } from './contenders';
import { judgeAgreement } from './judge';
import { compareJudgeWithPeople, type JudgedByPeople } from './judge-people';
import { median, quantile, report, rounded } from '../figures';
import { embeddedAt, openLlmWorld } from '../llm-world';
import { firstPrompt, glossCases } from '../prompt-search/task';

const model = 'smollm2-135m-instruct';
const sampling: Sampling = { temperature: 0, topP: 1, maxTokens: 24, seed: 1, stop: [] };
const sequences = 4;
/** The paper's figures. */
const reference = { casesAnHour: 847, accuracy: 0.968 };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '320' },
      upstream: { type: 'string', default: '3200' },
      latency: { type: 'string', default: '250' },
      parallel: { type: 'string', default: '16' },
      labels: { type: 'string', default: '120' },
      'judge-people': { type: 'boolean', default: false },
      provider: { type: 'string' },
      model: { type: 'string', default: model },
    },
  });
  if (values['judge-people']) {
    await besidePeople({
      url: values.provider,
      model: values.model,
      labels: Number(values.labels),
    });
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-evaluation-'));
  const latencyMs = Number(values.latency);
  const upstream = await openScriptedProvider({
    models: ['fixed'],
    answer: () => '{"kind":"animal"}',
    latencyMs: () => latencyMs,
  });
  const server = await startLlmServer({
    folder: join(folder, 'llm'),
    artifactsFolder: folder,
    sequences,
    contextTokens: 512,
    maxQueued: 1_000,
  });
  const world = await openLlmWorld(folder, [
    embeddedAt(server.url),
    { ...embeddedAt(''), name: 'fixed', url: upstream.url },
  ]);
  const asking = (scope: string): LedgerAccess => ({
    chat: world.chat,
    tenant,
    scope,
    owner: { execution: scope, attempt: 1 },
    budgets: [],
  });
  try {
    const embedded = await compareContenders({
      asking: asking('embedded'),
      target: { provider: 'embedded', model },
      template: firstPrompt,
      sampling,
      parallel: sequences,
      url: `${server.url}/v1`,
      cases: await glossCases(Number(values.cases)),
      casesATurn: 20,
    });
    const parallel = Number(values.parallel);
    const fixed = await compareContenders({
      asking: asking('fixed'),
      target: { provider: 'fixed', model: 'fixed' },
      template: firstPrompt,
      sampling,
      parallel,
      url: upstream.url,
      cases: await glossCases(Number(values.upstream)),
      casesATurn: 10 * parallel,
    });
    const judge = await judgeAgreement(
      asking('judge'),
      { provider: 'embedded', model },
      Number(values.labels),
    );
    tell(embedded, fixed, judge, { latencyMs, parallel });
  } finally {
    await world.close();
    await server.stop();
    await upstream.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For a running server, or for the embedded one. */
async function besidePeople({
  url,
  model: name,
  labels,
}: {
  readonly url: string | undefined;
  readonly model: string;
  readonly labels: number;
}) {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-judge-'));
  const own =
    url === undefined
      ? await startLlmServer({
          folder: join(folder, 'llm'),
          artifactsFolder: folder,
          sequences,
          contextTokens: 1024,
        })
      : null;
  const world = await openLlmWorld(folder, [
    own ? embeddedAt(own.url) : { ...embeddedAt(''), url: url ?? '' },
  ]);
  const asking: LedgerAccess = {
    chat: world.chat,
    tenant,
    scope: 'people',
    owner: { execution: 'people', attempt: 1 },
    budgets: [],
  };
  try {
    const judged = await compareJudgeWithPeople(
      asking,
      { provider: 'embedded', model: name },
      labels,
    );
    const load = rounded(loadavg()[0] ?? 0);
    report(`${name} as a judge beside people, load ${load}`, judged.flatMap(peopleRows), {
      judged,
      model: name,
      load,
    });
  } finally {
    await world.close();
    await own?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function peopleRows(judged: JudgedByPeople): readonly (readonly [string, string])[] {
  const {
    question,
    labels,
    agreed,
    withoutVerdict,
    commonest,
    mayNotGate,
    corrected,
    said,
    people,
  } = judged;
  const bounds =
    corrected === null
      ? 'no better than chance: no estimate'
      : `${percent(corrected.estimate)} (${percent(corrected.lower)} to ${percent(corrected.upper)})`;
  return [
    [
      `${question}: agrees with people`,
      `${percent(agreed.right / agreed.cases)} (${percent(agreed.lower)} to ${percent(agreed.upper)}) of ${agreed.cases}, ${withoutVerdict} of ${labels} without a verdict`,
    ],
    [`${question}: always the more frequent label`, percent(commonest)],
    [
      `${question}: usable in a gate`,
      mayNotGate.length === 0 ? 'yes' : `no: ${mayNotGate.join('; ')}`,
    ],
    [
      `${question}: other half, by the judge / corrected / by people`,
      `${percent(said)} / ${bounds} / ${percent(people)}`,
    ],
  ];
}

function tell(
  embedded: ComparisonFigures,
  fixed: ComparisonFigures,
  judge: JudgeCalibration,
  { latencyMs, parallel }: { readonly latencyMs: number; readonly parallel: number },
): void {
  const rows = (
    name: string,
    { cases, direct, evaluated, share, shares }: ComparisonFigures,
  ): readonly (readonly [string, string])[] => [
    [
      `${name}: directly to the server`,
      `${Math.round(direct.casesAnHour)} cases an hour of ${cases}, ${rounded(direct.cpuMsACase, 2)} ms of this process’s CPU a case`,
    ],
    [
      `${name}: evaluated`,
      `${Math.round(evaluated.casesAnHour)} cases an hour, ${rounded(evaluated.cpuMsACase, 2)} ms of CPU a case`,
    ],
    [
      `${name}: share`,
      `${percent(share)}; pairs of turns: median ${percent(median(shares))}, from ${percent(quantile(shares, 0.1))} to ${percent(quantile(shares, 0.9))} (tenths)`,
    ],
  ];
  const { positives, negatives, failures } = judge;
  const agreed = (positives.right + negatives.right) / (positives.cases + negatives.cases);
  report(
    `evaluation, load ${loadavg()[0]?.toFixed(1) ?? '?'}`,
    [
      ...rows('embedded, 4 at once', embedded),
      ...rows(`${latencyMs} ms, ${parallel} at once`, fixed),
      ['reference', `${reference.casesAnHour} cases an hour`],
      [
        'judge of 135 million parameters, agreement with certain labels',
        `${percent(agreed)} of ${positives.cases + negatives.cases}, ${failures} without a verdict`,
      ],
      [
        'on right answers / on wrong answers',
        `${positives.right} of ${positives.cases} / ${negatives.right} of ${negatives.cases}`,
      ],
      ['reference', `${percent(reference.accuracy)}; agreement with people: --judge-people`],
    ],
    {
      embedded,
      fixed,
      latencyMs,
      parallel,
      judge: { positives, negatives, failures, agreed: rounded(agreed, 3) },
      load: rounded(loadavg()[0] ?? 0),
    },
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
