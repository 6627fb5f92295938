import type { Command } from 'commander';
import type { PredictionJson, PredictionSummaryJson, PredictionTextsJson } from '../../api/views/prediction';
import { outcomes } from '../../../domain/llm/safety/screen';
import { predictionArms } from '../../../domain/prediction';
import type { CliContext } from '../context';
import { harmlessLines, jsonText } from '../harmless';
import { showList } from '../list-view';
import { versionNumber, wholeNumber } from '../numbers';
import { describePrediction, predictionColumns, predictionRow } from '../prediction-view';

const filters = ['model', 'version', 'arm', 'blocked', 'verdict', 'since', 'until'] as const;

type ListOptions = Readonly<Partial<Record<(typeof filters)[number], string | number>>> & { readonly limit: number; readonly json?: true };

export function predictionCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const prediction = program.command('prediction').description('what was answered, and what became of it');

  prediction
    .command('list')
    .description('List logged predictions, newest first')
    .option('--model <model>', 'only predictions of this model or application')
    .option('--version <n>', 'only predictions of this version; needs --model', versionNumber)
    .addOption(
      program
        .createOption('--arm <arm>', 'only predictions of this arm; the platform’s own probes are listed only with --arm probe')
        .choices(predictionArms),
    )
    .addOption(program.createOption('--blocked <blocked>', 'whether a safety policy kept the answer back').choices(['true', 'false']))
    .addOption(program.createOption('--verdict <verdict>', 'the worst that a safety policy said of any side').choices(outcomes))
    .option('--since <time>', 'received from then on, such as 2026-01-31T12:00:00Z')
    .option('--until <time>', 'received before')
    .option('--limit <n>', 'at most so many', wholeNumber(1), 50)
    .option('--json', 'print as JSON')
    .action(async ({ limit, json, ...filter }: ListOptions) => {
      const given = filters.flatMap((name) => (filter[name] === undefined ? [] : [[name, String(filter[name])] as const]));
      showList(terminal, {
        items: await context
          .api()
          .list<PredictionSummaryJson>(`/predictions?${new URLSearchParams(Object.fromEntries(given)).toString()}`, limit),
        json,
        columns: predictionColumns,
        row: predictionRow,
        none: { what: given.length === 0 ? 'nothing was answered yet' : 'no such predictions', next: 'perennial model list' },
      });
    });

  prediction
    .command('show <prediction>')
    .description('who answered, what the safety policy said, its sources, and what was said of it later')
    .option('--texts', 'the texts that a policy with keepText kept, as they came (scope operator; the audit says who asked)')
    .option('--json', 'print as JSON')
    .action(async (id: string, { texts, json }: { readonly texts?: true; readonly json?: true }) => {
      const path = `/predictions/${encodeURIComponent(id)}`;
      const found = await context.api().call<PredictionJson>(path);
      const kept = texts && (await context.api().call<PredictionTextsJson>(`${path}/texts`));
      if (json) terminal.out(jsonText({ ...found, ...(kept && { texts: kept }) }));
      else terminal.out(harmlessLines([describePrediction(found), ...(kept ? textLines(kept) : [])].join('\n')));
    });
}

function textLines({ served, other }: PredictionTextsJson): readonly string[] {
  const lines = [['', served] as const, ['the other’s ', other] as const].flatMap(([whose, sides]) =>
    Object.entries(sides).flatMap(([side, text]) => (text === null ? [] : [`${whose}${side}: ${text}`])),
  );
  return lines.length === 0 ? ['no text of it was kept'] : lines;
}
