import type { Command } from 'commander';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { knownGateway } from '../replay/gateway';
import { jsonText } from '../harmless';
import { predictRows, type InferAnswer } from '../model-request';
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
    .requiredOption('--row <json>', 'Row as a JSON object with a key for each column; repeatable', rowsOf)
    .option('--json', "Print the gateway's response as JSON")
    .action(async (model: string, { row: rows, json }: PredictOptions) => {
      const { answer, version } = await predictRows(knownGateway(settings), model, rows);
      terminal.out(json ? jsonText(answer) : table(...tableOf(answer, rows.length)));
      if (!json) terminal.say(`answered by ${version}; perennial prediction show <prediction> shows a logged prediction`);
    });
}

/** commander hands over what came before. */
function rowsOf(text: string, before: readonly Readonly<Record<string, unknown>>[] = []): readonly Readonly<Record<string, unknown>>[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`--row is not valid JSON: ${reason}`, 2, `--row '{"column": 1}'`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError('--row must be a JSON object with a key for each column', 2, `--row '{"column": 1}'`);
  return [...before, value as Readonly<Record<string, unknown>>];
}

/** A column an output, a line a row; an output of several numbers a row keeps them together. */
function tableOf({ outputs = [] }: InferAnswer, rows: number): [readonly string[], readonly (readonly string[])[]] {
  const header = outputs.map(({ name }) => name.toUpperCase().replaceAll('_', ' '));
  const lines = Array.from({ length: rows }, (_, row) =>
    outputs.map(({ data }) => {
      const width = Math.max(1, Math.floor(data.length / rows));
      return data
        .slice(row * width, (row + 1) * width)
        .map(String)
        .join(' ');
    }),
  );
  return [header, lines];
}
