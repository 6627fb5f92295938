import type { Command } from 'commander';
import type { PredictionTextsJson } from '../../api/serving/view';
import { outcomes } from '../../../domain/safety/screen';
import { predictionArms } from '../../../domain/serving/prediction';
import type { CliContext } from '../context';
import { harmlessLines, jsonText } from '../harmless';
import { showList } from '../list-view';
import { versionNumber, wholeNumber } from '../numbers';
import { describePrediction, predictionColumns, predictionRow } from './prediction-view';

const filters = ['model', 'version', 'arm', 'blocked', 'verdict', 'since', 'until'] as const;

type PredictionListOptions = Readonly<
  Partial<Record<(typeof filters)[number], string | number>>
> & {
  readonly limit: number;
  readonly json?: true;
};

export function predictionCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const prediction = program
    .command('prediction')
    .description('Show logged predictions and their labels');

  prediction
    .command('list')
    .description('List logged predictions, newest first')
    .option('--model <model>', 'Only predictions of this model or application')
    .option('--version <n>', 'Only predictions of this version; requires --model', versionNumber)
    .addOption(
      program
        .createOption(
          '--arm <arm>',
          "Only predictions of this arm; the platform's own probes appear only with --arm probe",
        )
        .choices(predictionArms),
    )
    .addOption(
      program
        .createOption('--blocked <blocked>', 'Whether a safety policy blocked the answer')
        .choices(['true', 'false']),
    )
    .addOption(
      program
        .createOption(
          '--verdict <verdict>',
          'Most severe outcome of the safety policy for the request, the passages and the answer',
        )
        .choices(outcomes),
    )
    .option('--since <time>', 'Received at or after this time, such as 2026-01-31T12:00:00Z')
    .option('--until <time>', 'Received before this time')
    .option('--limit <n>', 'Maximum number of predictions', wholeNumber(1), 50)
    .option('--json', 'Print as JSON')
    .action(async ({ limit, json, ...filter }: PredictionListOptions) => {
      const given = filters.flatMap((name) =>
        filter[name] === undefined ? [] : [[name, String(filter[name])] as const],
      );
      showList(terminal, {
        items: await context
          .api()
          .list('GET /predictions', { query: Object.fromEntries(given) }, limit),
        json,
        columns: predictionColumns,
        row: predictionRow,
        none: {
          what: given.length === 0 ? 'no predictions yet' : 'no matching predictions',
          next: 'perennial model list',
        },
      });
    });

  prediction
    .command('show <prediction>')
    .description('Show the version that answered, the safety outcome, the sources and the feedback')
    .option(
      '--texts',
      'Also print texts kept by a safety policy with keepText (scope operator; recorded in the audit log)',
    )
    .option('--json', 'Print as JSON')
    .action(
      async (id: string, { texts, json }: { readonly texts?: true; readonly json?: true }) => {
        const path = { id };
        const found = await context.api().call('GET /predictions/{id}', { path });
        const kept = texts && (await context.api().call('GET /predictions/{id}/texts', { path }));
        if (json) terminal.out(jsonText({ ...found, ...(kept && { texts: kept }) }));
        else
          terminal.out(
            harmlessLines([describePrediction(found), ...(kept ? textLines(kept) : [])].join('\n')),
          );
      },
    );
}

function textLines({ served, other }: PredictionTextsJson): readonly string[] {
  const lines = [['', served] as const, ['the other’s ', other] as const].flatMap(
    ([whose, sides]) =>
      Object.entries(sides).flatMap(([side, text]) =>
        text === null ? [] : [`${whose}${side}: ${text}`],
      ),
  );
  return lines.length === 0 ? ['no text was kept'] : lines;
}
