import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import type { Finish } from '../finish';
import { jsonText } from '../harmless';
import { showEnd } from '../run/view';
import { openModelFile, type ModelFile } from './mlflow-source';
import { watchRun } from '../watch';

interface ImportOptions {
  readonly file?: string;
  readonly mlflow?: string;
  readonly until?: string;
  readonly reason?: string;
  readonly idempotencyKey?: string;
  readonly wait?: true;
  readonly json?: true;
}

export function importCommand(model: Command, context: CliContext, finish: Finish): void {
  const { terminal } = context;
  model
    .command('import <model>')
    .description('Import a trained model and start a run that evaluates and releases it')
    .option('--file <path>', 'ONNX file with one input per feature and the output `score`')
    .option(
      '--mlflow <folder>',
      'MLflow model folder (onnx, xgboost, lightgbm or sklearn), instead of --file',
    )
    .option('--until <time>', 'End of the data window of the evaluation (RFC 3339)')
    .option('--reason <text>', 'Reason, for the audit log')
    .option(
      '--idempotency-key <key>',
      'Idempotency key; importing twice with the same key makes one run',
    )
    .option('--wait', 'Follow the run to its end; exit 3 if a gate failed')
    .option('--json', 'Print the run as JSON')
    .action(async (name: string, options: ImportOptions) => {
      const { until, reason } = options;
      const { path, format, modelClass, packages } = findModelFile(options, context.settings.cwd);
      const fileName = basename(path);
      const started = await context.api().call('POST /models/{model}/imports', {
        path: { model: name },
        query: {
          fileName,
          format,
          modelClass,
          until,
          reason,
          packages: packages?.join(',') || undefined,
        },
        headers: { 'idempotency-key': options.idempotencyKey ?? randomUUID() },
        file: path,
        timeoutSeconds: 300,
      });
      terminal.say(`${started.id} evaluates ${fileName} as a version of ${name}`);
      if (options.wait) finish(showEnd(context, await watchRun(context, started.id), options.json));
      else terminal.out(options.json ? jsonText(started) : started.id);
    });
}

function findModelFile({ file, mlflow }: ImportOptions, cwd: string): ModelFile {
  if ((file === undefined) === (mlflow === undefined))
    throw new CliError('import requires either --file or --mlflow', 2);
  return file === undefined
    ? openModelFile(mlflow ?? '', cwd)
    : { path: readableFile(file, cwd), format: 'onnx' };
}

function readableFile(shown: string, cwd: string): string {
  const path = resolve(cwd, shown);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true) return path;
  const what = found === undefined ? 'does not exist' : 'is not a file';
  throw new CliError(`${shown} ${what}`, 2, 'name an ONNX file with --file');
}
