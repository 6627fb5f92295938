import type { Command } from 'commander';
import { figure } from '../../../domain/format';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { knownGateway } from './replay/gateway';
import { jsonText } from '../harmless';
import { modelClasses, predictRows, type InferAnswer } from '../model/request';
import { table } from '../terminal';

interface PredictOptions {
  readonly row: readonly Readonly<Record<string, unknown>>[];
  readonly json?: true;
}

export function predictCommand(program: Command, context: CliContext): void {
  const { terminal, settings } = context;
  program
    .command('predict')
    .argument('<model>', 'name, name@alias or name@version')
    .description('Request predictions for rows from the gateway')
    .requiredOption(
      '--row <json>',
      'Row as a JSON object with a key for each column; repeatable',
      parseRows,
    )
    .option('--json', "Print the gateway's response as JSON")
    .action(async (model: string, { row: rows, json }: PredictOptions) => {
      const gateway = knownGateway(settings);
      const { answer, version } = await predictRows(gateway, model, rows);
      const isMulticlass = answer.outputs?.some(({ name }) => name === 'probabilities') === true;
      const classes = isMulticlass && !json ? await modelClasses(gateway, version) : null;
      terminal.out(
        json ? jsonText(answer) : table(...formatTable(answer, { rows: rows.length, classes })),
      );
      if (!json)
        terminal.say(
          `answered by ${version}; perennial prediction show <prediction> shows a logged prediction`,
        );
    });
}

/** commander passes the previous values. */
function parseRows(
  text: string,
  before: readonly Readonly<Record<string, unknown>>[] = [],
): readonly Readonly<Record<string, unknown>>[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`--row is not valid JSON: ${reason}`, 2, `--row '{"column": 1}'`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError(
      '--row must be a JSON object with a key for each column',
      2,
      `--row '{"column": 1}'`,
    );
  return [...before, value as Readonly<Record<string, unknown>>];
}

/**
 * One column per output and one line per row. An output with several numbers per row is one cell.
 */
function formatTable(
  { outputs = [] }: InferAnswer,
  { rows, classes }: { readonly rows: number; readonly classes: readonly string[] | null },
): [readonly string[], readonly (readonly string[])[]] {
  const header = outputs.map(({ name }) => name.toUpperCase().replaceAll('_', ' '));
  const lines = Array.from({ length: rows }, (_, row) =>
    outputs.map(({ name, data }) => {
      const width = Math.max(1, Math.floor(data.length / rows));
      const values = data.slice(row * width, (row + 1) * width);
      return name === 'probabilities' && classes?.length === width
        ? likeliest(classes, values.map(Number))
        : values.map(String).join(' ');
    }),
  );
  return [header, lines];
}

const shownClasses = 5;

function likeliest(classes: readonly string[], probabilities: readonly number[]): string {
  const pairs = classes
    .map((name, at) => ({ name, probability: probabilities[at] ?? 0 }))
    .sort((a, b) => b.probability - a.probability);
  const shown = pairs
    .slice(0, shownClasses)
    .map(({ name, probability }) => `${name} ${figure(probability)}`);
  return `${shown.join(', ')}${pairs.length > shownClasses ? ', …' : ''}`;
}
