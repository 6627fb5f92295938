import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { parse } from 'yaml';
import { figure, interval } from '../../../domain/format';
import {
  groupUnanswered,
  unansweredText,
} from '../../../domain/language/evaluation/unanswered-cases';
import {
  classifyCase,
  toJsonLines,
  toJUnit,
  type CaseReport,
} from '../../../domain/language/evaluation/report';
import type { SearchDocument } from '../../../domain/prompt-search/search-document.schema';
import { parseModel, readCasesFile, textOfFile } from './cases-file';
import type { BodyOf } from '../../client/operation';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { wholeNumber } from '../numbers';
import { resolvePromptRef } from '../prompt/ref';
import { table } from '../terminal';
import { defaultDimension } from './usual-dimension';
import { wholeFileAt, writeWhole } from '../whole-file';
import { harmless, jsonText } from '../harmless';
import type { EvaluationJson } from '../../api/prompt/evaluation-view';

type Order = Omit<SearchDocument, 'search'>;

interface PromptEvaluateOptions {
  readonly prompt: string;
  readonly model?: string;
  readonly spec?: string;
  readonly dimensions?: string;
  readonly min: readonly Minimum[];
  readonly allPass?: true;
  readonly strict?: true;
  readonly maxTokens?: number;
  readonly parallel?: number;
  readonly budget?: number;
  readonly junit?: string;
  readonly jsonl?: string;
  readonly json?: true;
}

interface Minimum {
  readonly dimension: string;
  readonly score: number;
}

const lookMs = 1_000;

/**
 * Evaluates a prompt on a set of cases, for people and for pipelines that need an exit code.
 */
export function evaluateCommand(program: Command, context: CliContext): void {
  const { terminal, settings } = context;
  program
    .command('evaluate <cases>')
    .description(
      'Run a prompt on every case (NDJSON or a promptfoo configuration) and score the answers',
    )
    .requiredOption(
      '--prompt <file|name>',
      'Prompt file, which is stored in the registry, or name[@ref]',
    )
    .option('--model <provider/model>', 'Model to evaluate, such as embedded/smollm2-135m-instruct')
    .option(
      '--dimensions <list>',
      'Any of exact, f1, label, json, rules (default: those for which the cases have expectations)',
    )
    .option(
      '--spec <file>',
      'YAML file with dimensions, model, sampling, parallel; options override it',
    )
    .option(
      '--min <dimension=score>',
      'Exit 3 unless the lower bound of the dimension is at least this score; repeatable',
      addMinimum,
      [],
    )
    .option(
      '--all-pass',
      'Exit 3 unless every case scores 1, or its --min, in every dimension; makes no claim about other cases',
    )
    .option('--strict', 'Refuse a promptfoo configuration if any part of it would be ignored')
    .option(
      '--max-tokens <count>',
      'Maximum tokens per answer (default: 256)',
      wholeNumber(1, 32_768),
    )
    .option('--parallel <count>', 'Maximum concurrent requests (default: 4)', wholeNumber(1, 256))
    .option(
      '--budget <dollars>',
      'Budget in US dollars (default: no limit); with a larger budget, the same command continues',
      Number,
    )
    .option(
      '--junit <file>',
      'Write JUnit XML with one test per case; it fails if the exit code is 3',
    )
    .option(
      '--jsonl <file>',
      'Write question, expected answer, answer and scores as JSON Lines, one case per line',
    )
    .option('--json', 'Print the summary as JSON')
    .action(async (file: string, options: PromptEvaluateOptions) => {
      const read = readCasesFile(file, settings.cwd, terminal, { strict: options.strict ?? false });
      const order = buildOrder(options, read.cases, settings.cwd);
      for (const { dimension } of options.min) {
        if (!order.dimensions.some(({ name }) => name === dimension))
          throw new CliError(`--min ${dimension}: this dimension is not measured`, 2);
      }
      const [junit, jsonl] = [options.junit, options.jsonl].map((path) =>
        path === undefined ? null : wholeFileAt(path, settings.cwd),
      );
      if (junit && junit.path === jsonl?.path)
        throw new CliError('--junit and --jsonl are the same file', 2);
      const { name, ref } = await resolvePromptRef(options.prompt, context, 'evaluated');
      const body = {
        ...order,
        ref,
        cases: read.text,
        fileName: file,
        budgetUsd: options.budget ?? null,
      } as BodyOf<'POST /prompts/{prompt}/evaluations'>;
      const begun = await context
        .api()
        .call('POST /prompts/{prompt}/evaluations', { path: { prompt: name }, body });
      const { summary, id } = await followEvaluation(context, begun);
      const rule = options.allPass ? 'allPass' : 'interval';
      const passAt = Object.fromEntries(
        options.min.map(({ dimension, score }) => [dimension, score]),
      );
      const needsCases =
        junit !== null || jsonl !== null || summary.unanswered > 0 || rule === 'allPass';
      const items: readonly CaseReport[] = needsCases
        ? ((
            await context.api().call('GET /prompts/{prompt}/evaluations/{id}/results', {
              path: { prompt: name, id },
            })
          ).items as readonly CaseReport[])
        : [];
      for (const line of unansweredLines(items)) terminal.say(terminal.paint.yellow(line));
      const notMet =
        rule === 'allPass'
          ? failedCases(items, order.dimensions, passAt)
          : belowMinimum(summary, options.min);
      if (junit) {
        const gates = options.min.map((each) => ({
          name: `${each.dimension} at least ${each.score}`,
          failure: shortfall(summary, each),
        }));
        const rules = rule === 'allPass' ? { suite: name, passAt } : { suite: name, passAt, gates };
        await writeWhole(junit, (write) => write(toJUnit(items, rules)));
      }
      if (jsonl) await writeWhole(jsonl, (write) => write(toJsonLines(items)));
      const passed = rule === 'allPass' || options.min.length > 0 ? notMet.length === 0 : null;
      terminal.out(
        options.json ? jsonText({ id, ...summary, rule, passed, notMet }) : summaryText(summary),
      );
      terminal.say(
        terminal.paint.dim(`${id}; for its costs: perennial prompt calls ${name} ${id}`),
      );
      refuse(notMet, rule, summary.cases);
    });
}

async function followEvaluation(
  context: CliContext,
  begun: EvaluationJson,
): Promise<{ readonly id: string; readonly summary: NonNullable<EvaluationJson['summary']> }> {
  const { terminal } = context;
  const client = context.api();
  let before = '';
  for (
    let found = begun;
    ;
    found = await client.call('GET /prompts/{prompt}/evaluations/{id}', {
      path: { prompt: begun.prompt, id: begun.id },
    })
  ) {
    if (found.status === 'failed') {
      const then = 'run the same command to continue';
      throw new CliError(
        `${found.id} failed: ${found.cause ?? ''}`,
        1,
        found.next ? `${found.next}; then ${then}` : then,
      );
    }
    if (found.summary) return { id: found.id, summary: found.summary };
    const line =
      found.progress === null
        ? 'waiting for a worker'
        : `${found.progress.done} of ${found.progress.of} cases`;
    if (line !== before) {
      if (terminal.screen) terminal.screen.show(terminal.paint.dim(line));
      else terminal.say(line);
    }
    before = line;
    await sleep(lookMs);
  }
}

function buildOrder(
  { model, spec, dimensions, maxTokens, parallel }: PromptEvaluateOptions,
  cases: Parameters<typeof defaultDimension>[1],
  cwd: string,
): Order {
  const written = spec === undefined ? null : (parse(textOfFile(spec, cwd)) as Order | null);
  if (model === undefined && written?.model === undefined)
    throw new CliError('no model is given', 2, '--model <provider/model>');
  const names =
    dimensions?.split(',').map((name) => name.trim()) ?? (written ? [] : chooseNames(cases));
  const measured =
    names.length === 0
      ? (written?.dimensions ?? [])
      : names.map((name) => defaultDimension(name, cases));
  if (measured.length === 0)
    throw new CliError('no dimension can be measured', 2, '--dimensions exact,f1');
  return {
    ...(written ?? {}),
    model: model === undefined ? (written?.model ?? parseModel('')) : parseModel(model),
    dimensions: measured as Order['dimensions'],
    ...(parallel !== undefined && { parallel }),
    ...(maxTokens !== undefined && { sampling: { ...written?.sampling, maxTokens } }),
  };
}

function chooseNames(cases: Parameters<typeof defaultDimension>[1]): readonly string[] {
  const some = (has: (of: (typeof cases)[number]) => boolean): boolean => cases.some(has);
  return [
    ...(some(({ expected }) => expected.answer !== undefined) ? ['exact', 'f1'] : []),
    ...(some(({ expected }) => expected.label !== undefined) ? ['label'] : []),
    ...(some(({ expected }) => expected.schema !== undefined) ? ['json'] : []),
    ...(some(({ rules }) => rules.length > 0) ? ['rules'] : []),
  ];
}

function summaryText({
  cases,
  unanswered,
  dimensions,
  costUsd,
  medianMs,
}: NonNullable<EvaluationJson['summary']>): string {
  const rows = Object.entries(dimensions).map(
    ([name, { mean, lower, upper, cases: measured, failures }]) => [
      name,
      mean === null ? 'not measured' : figure(mean),
      lower === null || upper === null ? '' : interval({ lower, upper }, figure),
      String(measured),
      String(failures),
    ],
  );
  const paid = `$${costUsd.toFixed(4)}`;
  const time = medianMs === null ? '' : `, median ${Math.round(medianMs)} ms`;
  return `${table(['DIMENSION', 'MEAN', '95 % CI', 'CASES', 'NOT MEASURED'], rows)}\n${cases} cases, ${unanswered} without an answer, ${paid}${time}`;
}

/** Unanswered cases by reason, with one example case. */
function unansweredLines(items: readonly CaseReport[]): readonly string[] {
  return groupUnanswered(items).map(
    (each) => `${unansweredText(each, items.length)} (${each.first} is the first)`,
  );
}

/** Why the interval does not show that the mean is at least the minimum; null if it does. */
function shortfall(
  { dimensions }: NonNullable<EvaluationJson['summary']>,
  { dimension, score }: Minimum,
): string | null {
  const { lower = null, mean = null } = dimensions[dimension] ?? {};
  if (lower !== null && lower >= score) return null;
  if (mean === null || lower === null)
    return `${dimension} was not measured; the minimum is ${score}`;
  return `${dimension} is ${figure(mean)} with a lower bound of ${figure(lower)}; the minimum is ${score}`;
}

function belowMinimum(
  summary: NonNullable<EvaluationJson['summary']>,
  min: readonly Minimum[],
): readonly string[] {
  return min.flatMap((each) => shortfall(summary, each) ?? []);
}

/** The rule of the JUnit report: an unmeasured case has not passed. */
function failedCases(
  items: readonly CaseReport[],
  dimensions: readonly { readonly name: string }[],
  passAt: Readonly<Record<string, number>>,
): readonly string[] {
  return items.flatMap((item) => {
    const short = dimensions.flatMap(({ name }) => {
      const outcome = classifyCase(item, name, passAt[name] ?? 1);
      return outcome.kind === 'failure' || outcome.kind === 'error'
        ? [`${name} ${outcome.message}`]
        : [];
    });
    return short.length === 0 ? [] : [`${item.id}: ${short.join('; ')}`];
  });
}

const shownCases = 5;

function refuse(notMet: readonly string[], rule: 'allPass' | 'interval', cases: number): void {
  if (notMet.length === 0) return;
  if (rule === 'interval')
    throw new CliError(
      notMet.join('; '),
      3,
      'more cases narrow the interval; --all-pass instead requires each of these cases to pass',
    );
  const more = notMet.length > shownCases ? [`and ${notMet.length - shownCases} more`] : [];
  const lines = [...notMet.slice(0, shownCases), ...more]
    .map((line) => `\n  ${harmless(line)}`)
    .join('');
  throw new CliError(
    `${notMet.length} of ${cases} cases fail${lines}`,
    3,
    '--jsonl <file> writes the question, answer and scores of each case',
  );
}

function addMinimum(text: string, before: readonly Minimum[]): readonly Minimum[] {
  const [, dimension = '', score = ''] = /^([a-z][a-z0-9-]*)=(.+)$/.exec(text) ?? [];
  const value = Number(score);
  if (dimension === '' || score.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('Expected dimension=score, such as exact=0.8.');
  return [...before, { dimension, score: value }];
}
