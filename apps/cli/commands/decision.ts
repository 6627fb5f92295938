import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import type { JudgedGate } from '../../../domain/decide';
import { explainGates } from '../../../domain/explain';
import type { Verdict } from '../../../domain/verdict';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import type { DecisionJson } from '../explanation-view';
import { describeDecision } from '../explanation-view';

interface WhatIfJson {
  readonly was: Verdict;
  readonly wouldBe: Verdict;
  readonly gates: readonly JudgedGate[];
}

export function decisionCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  program
    .command('decision')
    .description('what was decided on evidence')
    .command('show <decision>')
    .description('a decision with what was measured and what each gate said')
    .option('--json', 'print as JSON')
    .action(async (id: string, options: { readonly json?: true }) => {
      const found = await context.api().call<DecisionJson>(`/decisions/${id}`);
      terminal.out(options.json ? JSON.stringify(found) : describeDecision(found));
    });

  program
    .command('policy')
    .description('gates')
    .command('what-if <decision>')
    .description('what other gates would have said of the same evidence; nothing is stored')
    .requiredOption('--gates <file>', 'YAML: a list of gates, or a lifecycle whose gates to take')
    .option('--json', 'print as JSON')
    .action(async (decision: string, options: { readonly gates: string; readonly json?: true }) => {
      const gates = readGates(context.settings.cwd, options.gates);
      const answer = await context.api().call<WhatIfJson>('/policies/what-if', { method: 'POST', body: { decision, gates } });
      const text = [`was ${answer.was.kind}, would be ${answer.wouldBe.kind}`, ...explainGates(answer.gates)].join('\n');
      terminal.out(options.json ? JSON.stringify(answer) : text);
    });
}

function readGates(cwd: string, file: string): unknown {
  let document: unknown;
  try {
    document = parse(readFileSync(resolve(cwd, file), 'utf8'));
  } catch (error) {
    throw new CliError(`${file}: ${error instanceof Error ? error.message : String(error)}`, 2);
  }
  const { gates, spec } = (document ?? {}) as {
    readonly gates?: unknown;
    readonly spec?: { readonly evaluate?: { readonly gates?: unknown } };
  };
  const found = Array.isArray(document) ? document : (gates ?? spec?.evaluate?.gates);
  if (!Array.isArray(found)) throw new CliError(`${file} holds no list of gates`, 2);
  return found;
}
