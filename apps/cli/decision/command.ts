import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { explainGates } from '../../../domain/decision/explain';
import type { BodyOf } from '../../client/operation';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import type { DecisionJson } from './explanation-view';
import { describeDecision } from './explanation-view';
import { jsonText } from '../harmless';

interface WhatIfOptions {
  readonly gates?: string;
  readonly canary?: string;
  readonly verbose?: true;
  readonly json?: true;
}

export function decisionCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  program
    .command('decision')
    .description('Show decisions and their evidence')
    .command('show <decision>')
    .description('Show a decision with its evidence and the verdict of each gate')
    .option('--verbose', 'Also print the details of each verdict')
    .option('--json', 'Print as JSON')
    .action(async (id: string, options: { readonly json?: true; readonly verbose?: true }) => {
      const found = (await context
        .api()
        .call('GET /decisions/{id}', { path: { id } })) as DecisionJson;
      terminal.out(options.json ? jsonText(found) : describeDecision(found, options));
    });

  program
    .command('policy')
    .description('Try other gates on recorded evidence')
    .command('what-if <decision>')
    .description('Evaluate other gates, or another canary, on the same evidence; nothing is stored')
    .option(
      '--gates <file>',
      'YAML file with a list of gates, or a lifecycle to take the gates from',
    )
    .option('--canary <file>', 'Lifecycle YAML to take the canary from; for decisions of a rollout')
    .option('--verbose', 'Also print the details of each verdict')
    .option('--json', 'Print as JSON')
    .action(async (decision: string, options: WhatIfOptions) => {
      const rules = readRules(context.settings.cwd, options);
      const body = { decision, ...rules } as BodyOf<'POST /policies/what-if'>;
      const answer = await context.api().call('POST /policies/what-if', { body });
      const text = [
        `was ${answer.was.kind}, would be ${answer.wouldBe.kind}`,
        ...explainGates(answer.gates, options),
      ].join('\n');
      terminal.out(options.json ? jsonText(answer) : text);
    });
}

function readRules(
  cwd: string,
  { gates, canary }: { readonly gates?: string; readonly canary?: string },
) {
  if (gates !== undefined && canary === undefined)
    return { gates: gatesIn(gates, read(cwd, gates)) };
  if (canary !== undefined && gates === undefined)
    return { canary: canaryIn(canary, read(cwd, canary)) };
  throw new CliError('policy what-if requires --gates <file> or --canary <file>', 2);
}

function read(cwd: string, file: string): unknown {
  try {
    return parse(readFileSync(resolve(cwd, file), 'utf8'));
  } catch (error) {
    throw new CliError(`${file}: ${error instanceof Error ? error.message : String(error)}`, 2);
  }
}

function gatesIn(file: string, document: unknown): unknown {
  const { gates, spec } = (document ?? {}) as {
    readonly gates?: unknown;
    readonly spec?: { readonly evaluate?: { readonly gates?: unknown } };
  };
  const found = Array.isArray(document) ? document : (gates ?? spec?.evaluate?.gates);
  if (!Array.isArray(found)) throw new CliError(`${file} has no list of gates`, 2);
  return found;
}

function canaryIn(file: string, document: unknown): unknown {
  const { canary, spec } = (document ?? {}) as {
    readonly canary?: unknown;
    readonly spec?: { readonly canary?: unknown };
  };
  const found = canary ?? spec?.canary;
  if (found === undefined) throw new CliError(`${file} has no canary`, 2);
  return found;
}
