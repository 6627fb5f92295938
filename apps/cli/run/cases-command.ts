import { type Command, Option } from 'commander';
import { figure } from '../../../domain/format';
import {
  expectedText,
  questionText,
  toJsonLines,
  toJUnit,
  type CaseReport,
} from '../../../domain/language/evaluation/report';
import type { Score } from '../../../domain/language/evaluation/score';
import { truncateText } from '../../../domain/text';
import { reasonWithMessage } from '../../../domain/language/evaluation/unanswered-cases';
import type { RunEvaluationJson } from '../../api/language/case-result-view';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { harmless, jsonEscaped } from '../harmless';
import { showList } from '../list-view';
import { share, wholeNumber } from '../numbers';
import { table } from '../terminal';
import { wholeFileAt, writeWhole } from '../whole-file';

interface RunCasesOptions {
  readonly stage?: string;
  readonly of?: string;
  readonly list?: true;
  readonly json?: true;
  readonly failed?: true;
  readonly dimension?: string;
  readonly passAt: number;
  readonly format: 'table' | 'jsonl' | 'junit';
  readonly out?: string;
  readonly limit?: number;
}

/** The default for a table; other formats print all. */
const shownInTable = 50;

/** The answer and the scores of each evaluation case of a run. */
export function runCasesCommand(run: Command, context: CliContext): void {
  const { terminal } = context;
  run
    .command('cases <run>')
    .description(
      'Show the evaluation cases of a run with answers and scores, for example those that failed',
    )
    .option('--stage <stage>', 'Stage: evaluate or prompt-eval (default: the last one with cases)')
    .option('--of <name>', 'Arm: candidate, champion, baseline, or one that --list shows')
    .option('--list', 'List the stages and arms that have answers')
    .option('--json', 'Print that list as JSON')
    .option('--failed', 'Only cases without an answer, not measured, or below --pass-at')
    .option('--dimension <name>', 'Only this case')
    .option('--pass-at <score>', 'Lowest score that passes', share, 1)
    .addOption(
      new Option('--format <format>', 'Output format: table, JSON Lines or JUnit XML')
        .choices(['table', 'jsonl', 'junit'])
        .default('table'),
    )
    .option('--out <file>', 'Write to this file')
    .option(
      '--limit <n>',
      `Maximum number of cases (default: ${shownInTable} in a table, otherwise all)`,
      wholeNumber(1),
    )
    .action(async (id: string, options: RunCasesOptions) => {
      if (options.json && !options.list)
        throw new CliError('--json requires --list', 2, `perennial run cases ${id} --format jsonl`);
      const { items } = await context.api().call('GET /runs/{id}/evaluations', { path: { id } });
      if (options.list) {
        showList(terminal, {
          items,
          json: options.json,
          columns: ['STAGE', 'OF', 'CASES', 'RESULTS'],
          row: ({ stage, name, cases, results }) => [
            stage,
            name,
            cases === null ? '' : String(cases),
            results.digest,
          ],
          none: { what: `no stage of ${id} has answers`, next: `perennial run show ${id}` },
        });
        return;
      }
      const evaluation = chooseEvaluation(items, id, options);
      const { stage, name, results } = evaluation;
      const others =
        items.length === 1 ? '' : `; ${items.length - 1} more: perennial run cases ${id} --list`;
      terminal.say(`${stage}, ${name}${others}`);
      const { failed, dimension, passAt } = options;
      const limit = options.limit ?? (options.format === 'table' ? shownInTable : Infinity);
      const pages = context.api().pages(
        'GET /runs/{id}/evaluations/{digest}/cases',
        {
          path: { id, digest: results.digest },
          query: { failed: failed && 'true', dimension, passAt },
        },
        limit,
      ) as AsyncIterable<readonly CaseReport[]>;
      await writeOutput(context, options.out, async (write) => {
        if (options.format === 'jsonl') {
          // Page by page, because the cases may not fit into memory.
          for await (const page of pages) write(jsonEscaped(toJsonLines(page)));
          return;
        }
        const all: CaseReport[] = [];
        for await (const page of pages) all.push(...page);
        if (options.format === 'junit')
          write(toJUnit(all, { suite: `${id}.${stage}`, passAt: passAtAll(all, options.passAt) }));
        else if (all.length > 0) write(`${casesTable(all)}\n`);
        else terminal.say(options.failed ? 'no case failed' : 'no case');
        if (
          options.format === 'table' &&
          options.limit === undefined &&
          all.length === shownInTable
        )
          terminal.say(`the first ${shownInTable}; --limit for more, --format jsonl for all`);
      });
    });
}

/** The first arm of the last stage with cases: a candidate, or the first prompt. */
function chooseEvaluation(
  items: readonly RunEvaluationJson[],
  id: string,
  { stage, of }: RunCasesOptions,
): RunEvaluationJson {
  const last = stage ?? items.at(-1)?.stage;
  const found = items.find((each) => each.stage === last && (of === undefined || each.name === of));
  if (found) return found;
  const what = [
    ...(stage === undefined ? [] : [`in ${stage}`]),
    ...(of === undefined ? [] : [`of ${of}`]),
  ].join(' ');
  if (items.length === 0)
    throw new CliError(`no stage of ${id} has answers`, 1, `perennial run show ${id}`);
  throw new CliError(`${id} has no answers ${what}`, 2, `perennial run cases ${id} --list`);
}

/** Writes to the file, or to the terminal if no file is given. */
function writeOutput(
  { terminal, settings }: CliContext,
  out: string | undefined,
  work: (write: (text: string) => void) => Promise<void>,
): Promise<void> {
  if (out === undefined)
    return work((text) => (text === '' ? undefined : terminal.out(text.replace(/\n$/, ''))));
  return writeWhole(wholeFileAt(out, settings.cwd), work);
}

function passAtAll(results: readonly CaseReport[], min: number): Readonly<Record<string, number>> {
  return Object.fromEntries(
    results.flatMap(({ scores }) => Object.keys(scores)).map((name) => [name, min]),
  );
}

/** The maximum characters of a question, an expected answer and an answer. */
const shownOf = { question: 40, expected: 24, answer: 60 } as const;

function casesTable(results: readonly CaseReport[]): string {
  const dimensions = [...new Set(results.flatMap(({ scores }) => Object.keys(scores)))];
  const rows = results.map(({ id, input, expected, scores, answer, unanswered, because }) => [
    harmless(id),
    input === undefined ? '' : clip(questionText(input), shownOf.question),
    expected === undefined ? '' : clip(expectedText(expected), shownOf.expected),
    ...dimensions.map((name) => scoreText(scores[name])),
    unanswered === null
      ? clip(answer ?? '', shownOf.answer)
      : harmless(reasonWithMessage(unanswered, because)),
  ]);
  return table(
    ['CASE', 'QUESTION', 'EXPECTED', ...dimensions.map((name) => name.toUpperCase()), 'ANSWER'],
    rows,
  );
}

function scoreText(score: Score | undefined): string {
  if (score === undefined || score.kind === 'failed') return 'not measured';
  return score.kind === 'notApplicable' ? '' : figure(score.value);
}

function clip(text: string, max: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return harmless(line.length <= max ? line : `${truncateText(line, max - 1)}…`);
}
