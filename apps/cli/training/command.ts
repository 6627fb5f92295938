import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Option, type Command } from 'commander';
import { formatIssue } from '../../../domain/document/issue-text';
import type { TrainerManifest } from '../../../domain/training/job';
import { openTrainerCatalog } from '../../../data/training/catalog';
import {
  environmentsFolder,
  openPythonEnvironments,
} from '../../../data/training/python-environments';
import {
  trainerTemplates,
  writeTrainerTemplate,
  type TrainerTemplate,
} from '../../../data/training/template';
import type * as Trial from '../../../data/training/trial';
import type { TrainerTestResult, TrainerCheck } from '../../../data/training/trial';
import { CliError } from '../cli-error';
import type { CliContext, CliSettings } from '../context';
import { showList } from '../list-view';
import type { Finish } from '../finish';
import { wholeNumber } from '../numbers';
import { parseParams } from '../params';
import type { Paint } from '../terminal';
import { unknownTrainer } from './trainer-name';
import { jsonText } from '../harmless';

interface TestOptions {
  readonly param?: readonly string[];
  readonly rows: number;
  readonly seed: number;
  readonly timeout: number;
  readonly json?: true;
}

export function trainerCommands(program: Command, context: CliContext, finish: Finish): void {
  const { terminal, settings } = context;
  const trainer = program.command('trainer').description('List, create and test trainers');

  trainer
    .command('list')
    .description('List the trainers of the platform')
    .option('--json', 'Print as JSON, with the schema of the parameters')
    .action(async (options: { readonly json?: true }) => {
      const { items } = await context.api().call('GET /trainers');
      showList(terminal, {
        items,
        json: options.json,
        columns: ['TRAINER', 'TASKS', 'WHAT'],
        row: ({ name, tasks, description }) => [name, tasks.join(', '), description],
        none: { what: 'no trainers', next: 'perennial trainer init <name>' },
      });
    });

  trainer
    .command('init <name>')
    .description('Write a working trainer to trainers/<name> as a starting point')
    .addOption(
      new Option('--template <name>', 'Trainer to start from; torch is a neural network in PyTorch')
        .choices(trainerTemplates)
        .default('linear'),
    )
    .action((name: string, { template }: { readonly template: TrainerTemplate }) => {
      for (const path of writeTrainerTemplate(settings.trainersDir, { name, template }))
        terminal.say(`wrote ${relative(settings.cwd, path)}`);
      const file = template === 'torch' ? 'model.py' : 'train.py';
      terminal.say(
        `next: edit its ${file}, then perennial trainer test ${name}; trainers/README.md says what a trainer may do`,
      );
    });

  trainer
    .command('test <name>')
    .description(
      'Train on a small generated table for each task; exit 1 if the trainer violates the job contract',
    )
    .option(
      '--param <name=value...>',
      'Training parameter; the value is JSON or text. Columns: hour, amount, gaps (numbers), kind, code (texts)',
    )
    .option('--rows <n>', 'Number of rows to train on', wholeNumber(200), 2000)
    .option('--seed <n>', 'Random seed of the training', wholeNumber(0), 1)
    .option(
      '--timeout <seconds>',
      'Time limit per training, in seconds',
      wholeNumber(1, 86_400),
      120,
    )
    .option('--json', 'Print as JSON')
    .action(async (name: string, options: TestOptions) => {
      const params = parseParams(options.param ?? []);
      const manifest = trainerToTry(settings.trainersDir, name, params);
      const numbers = { rows: options.rows, seed: options.seed, timeoutSeconds: options.timeout };
      // Only this command loads DuckDB and the ONNX runtime; tsx resolves require, not import(), to
      // TypeScript.
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const { testTrainer } = require('../../../data/training/trial') as typeof Trial;
      const python = await findPython(settings, name);
      const tried: TrainerTestResult[] = [];
      for (const task of manifest.tasks) {
        if (task === 'generation') {
          throw new CliError(
            `${name} fine-tunes a language model, for which this test has no data`,
            2,
            'see trainers/README.md for what its job needs',
          );
        }
        const trial = await testTrainer(
          { ...settings, python, trainer: manifest, params, ...numbers },
          task,
        );
        tried.push(trial);
        if (!options.json) terminal.out(describeTrial(trial, terminal.outPaint));
      }
      if (options.json) terminal.out(jsonText({ trainer: name, tasks: tried }));
      const broken = tried.some(({ checks }) => checks.some(({ outcome }) => outcome === 'failed'));
      terminal.say(
        broken
          ? `${name} violates the job contract`
          : `${name} meets the job contract; next: perennial lifecycle init <name> --trainer ${name}`,
      );
      finish(broken ? 1 : 0);
    });
}

/** The Python with the trainer's own packages, which are installed if need be. */
async function findPython(settings: CliSettings, trainer: string): Promise<string> {
  const { python, pythonLlm, trainersDir, stateDir, uv } = settings;
  const catalog = openTrainerCatalog(trainersDir);
  if (catalog.environment(trainer) === 'llm') {
    if (existsSync(pythonLlm)) return pythonLlm;
    const reason = `${trainer} needs PyTorch, and ${pythonLlm} does not exist`;
    throw new CliError(reason, 2, 'npm run provision:llm');
  }
  const requirements = catalog.requirements(trainer);
  if (requirements === null) return python;
  const environments = openPythonEnvironments({
    python,
    uv: uv?.program,
    variables: uv?.variables,
    runtimeDir: join(trainersDir, 'runtime'),
    folder: environmentsFolder(join(stateDir, 'state')),
  });
  return environments.ensure(await environments.lock(requirements));
}

function trainerToTry(
  trainersDir: string,
  name: string,
  params: Readonly<Record<string, unknown>>,
): TrainerManifest {
  const catalog = openTrainerCatalog(trainersDir);
  const manifest = catalog.get(name);
  if (manifest === null) throw unknownTrainer(name, catalog.names());
  const issues = catalog.checkParams(name, params);
  if (issues.length === 0) return manifest;
  const list = issues.map((issue) =>
    `  ${issue.pointer.slice(1).replaceAll('/', '.')}: ${formatIssue(issue)}`.trimEnd(),
  );
  throw new CliError(
    `invalid parameters for trainer ${name}:\n${list.join('\n')}`,
    2,
    `perennial trainer test ${name} --param <name=value>`,
  );
}

function describeTrial({ task, checks }: TrainerTestResult, paint: Paint): string {
  const marks: Readonly<Record<TrainerCheck['outcome'], string>> = {
    passed: paint.green('pass'),
    failed: paint.red('FAIL'),
    notApplicable: paint.dim('n/a '),
  };
  const width = Math.max(...checks.map(({ what }) => what.length));
  const lines = checks.map(
    ({ what, outcome, detail }) =>
      `  ${marks[outcome]}  ${what.padEnd(width)}  ${detail.replaceAll('\n', '\n    | ')}`,
  );
  return [paint.bold(task), ...lines].join('\n');
}
