import { constants, copyFileSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { count, figure } from '../../../domain/format';
import type * as LocalCheck from '../../../data/lifecycle/local-check';
import { openTrainerCatalog } from '../../../data/training/catalog';
import { inferLifecycle, type InferredLifecycle } from '../../../domain/lifecycle/inference';
import { findFormat, type SourceFormat } from '../../../domain/dataset/source-uri';
import {
  checkLifecycleName,
  lifecycleTemplate,
  toSourceName,
} from '../../../domain/lifecycle/template';
import { llmLifecycleTemplate } from '../../../domain/lifecycle/llm/template';
import { tasks, type Task } from '../../../domain/model/model';
import { CliError } from '../cli-error';
import type { CliContext, CliSettings } from '../context';
import { checkHere } from './check';
import { readLifecycleFolder } from './folder';
import type { Terminal } from '../terminal';
import { unknownTrainer } from '../training/trainer-name';
import { newFolder, writeFolder } from '../whole-folder';

interface InitOptions {
  readonly trainer: string;
  readonly llm?: true;
  readonly index?: true;
  readonly data?: string;
  readonly label?: string;
  readonly task?: string;
  /** False with --no-time. */
  readonly time?: string | boolean;
  readonly entity?: string;
}

export function lifecycleInitCommand(lifecycle: Command, { terminal, settings }: CliContext): void {
  lifecycle
    .command('init <name>')
    .description(
      'Write a starter lifecycle to ./<name>; with --data and --label, for your own table',
    )
    .option('--data <file>', 'CSV, Parquet or NDJSON file; it is copied into the folder')
    .option('--label <column>', 'With --data: column to predict')
    .option('--task <task>', `With --data: ${tasks.join(', ')}; inferred from the label by default`)
    .option(
      '--time <column>',
      'With --data: column with the time of each row; the earliest time column by default',
    )
    .option('--no-time', 'With --data: split the rows by a hash, even if a column holds times')
    .option(
      '--entity <column>',
      'With --data: column with the customer, machine or patient of each row',
    )
    .option('--trainer <name>', 'Trainer, from `perennial trainer list`', 'lightgbm')
    .option('--llm', 'Write a language application with prompts, cases and a safety policy')
    .option('--index', 'With --llm: add documents and an index that answers are retrieved from')
    .action(async (name: string, options: InitOptions) => {
      checkOptions(name, options);
      checkLifecycleName(name);
      const folder = newFolder(settings.cwd, name);
      const { trainer, llm, index, data } = options;
      if (!llm) checkTrainer(settings.trainersDir, trainer);
      if (data !== undefined) {
        await initForTable({ name, folder, data, options, terminal, settings });
        return;
      }
      writeFolder(
        folder,
        llm
          ? llmLifecycleTemplate({ name, index: index === true })
          : lifecycleTemplate({ name, trainer }),
        (path) => {
          // The worker reads tables in the data folder of a lifecycle without further settings.
          if (!llm) mkdirSync(join(path, 'data'));
        },
      );
      sayWritten(terminal, readLifecycleFolder(settings.cwd, name).files, name);
      if (llm)
        terminal.say(
          'it uses the embedded model: npm run provision:llm once, then PERENNIAL_LLM_SERVER=true perennial up',
        );
      terminal.say(`next: edit ${name}/lifecycle.yaml, then perennial lifecycle validate ${name}`);
    });
}

/** Checks the options before any file is read or written. */
function checkOptions(
  name: string,
  { llm, index, data, label, task, time, entity }: InitOptions,
): void {
  if (index && !llm)
    throw new CliError(
      '--index requires --llm',
      2,
      `perennial lifecycle init ${name} --llm --index`,
    );
  const ofTables = Object.entries({
    data,
    label,
    task,
    time: time === true ? undefined : time,
    entity,
  }).flatMap(([option, value]) =>
    value === undefined ? [] : [value === false ? '--no-time' : `--${option}`],
  );
  const complete = `perennial lifecycle init ${name} --data file.csv --label COLUMN`;
  if (llm && ofTables.length > 0)
    throw new CliError(`${ofTables.join(', ')} cannot be used with --llm`, 2, complete);
  if (data === undefined && ofTables.length > 0)
    throw new CliError(`${ofTables.join(', ')} needs --data`, 2, complete);
  if (data !== undefined && label === undefined)
    throw new CliError(
      '--data needs --label, the column to predict',
      2,
      `perennial lifecycle init ${name} --data ${data} --label COLUMN`,
    );
  if (task !== undefined && taskNamed(task) === null)
    throw new CliError(`--task cannot be ${task}`, 2, `choose one of ${tasks.join(', ')}`);
}

function taskNamed(text: string): Task | null {
  return tasks.find((task) => task === (text === 'binary' ? 'classification' : text)) ?? null;
}

interface TableInit {
  readonly name: string;
  readonly folder: string;
  readonly data: string;
  readonly options: InitOptions;
  readonly terminal: Terminal;
  readonly settings: CliSettings;
}

async function initForTable({
  name,
  folder,
  data,
  options,
  terminal,
  settings,
}: TableInit): Promise<void> {
  const { trainer, label = '', task, time, entity } = options;
  const { path, format } = tableFile(settings.cwd, data);
  const { profile, bytes } = await profileSource({ path, format, label }, settings);
  const source = {
    source: toSourceName(basename(path)),
    uri: `file://./data/${encodeURIComponent(basename(path))}`,
  };
  const inference = inferLifecycle({
    profile,
    source: { ...source, ...(findFormat(source.uri) === null && { format }) },
    file: data,
    label,
    task: task === undefined ? null : taskNamed(task),
    time: typeof time === 'string' ? { column: time } : time === false ? 'none' : 'infer',
    entity: entity ?? null,
  });
  checkTask(settings.trainersDir, trainer, inference.table.task);
  writeFolder(folder, lifecycleTemplate({ name, trainer, table: inference.table }), (into) => {
    mkdirSync(join(into, 'data'));
    // A copy that shares its blocks if the file system supports that.
    copyFileSync(path, join(into, 'data', basename(path)), constants.COPYFILE_FICLONE);
  });
  terminal.say(
    `${data}: ${count(profile.rows)} rows, ${profile.columns.length} columns, ${megabytes(bytes)}`,
  );
  sayInference(terminal, inference);
  sayWritten(terminal, readLifecycleFolder(settings.cwd, name).files, name);
  terminal.say(`copied ${data} to ${name}/data/${basename(path)}`);
  const { notes } = await checkHere(readLifecycleFolder(settings.cwd, name), settings);
  for (const note of notes) terminal.say(terminal.paint.yellow(`warning: ${note}`));
  terminal.say(`next: perennial lifecycle plan ${name}`);
}

const endings: Readonly<Record<string, SourceFormat>> = {
  '.tsv': 'csv',
  '.txt': 'csv',
  '.tab': 'csv',
  '.pq': 'parquet',
};
const packed: Readonly<Record<string, string>> = {
  '.gz': 'unpack it first: gunzip',
  '.zip': 'unpack it first: unzip',
  '.xlsx': 'save the sheet as CSV',
  '.xls': 'save the sheet as CSV',
  '.json': 'write one object per line and name the file .ndjson',
};

function tableFile(
  cwd: string,
  data: string,
): { readonly path: string; readonly format: SourceFormat } {
  if (/^[a-z][a-z0-9+]*:\/\//i.test(data)) {
    throw new CliError(
      `--data takes a file on this machine, but ${data.replace(/\/\/[^/]*@/, '//')} is a URI`,
      2,
      'download a part of it, and write the URI into lifecycle.yaml afterwards',
    );
  }
  const path = resolve(cwd, data);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat)
    throw new CliError(
      `${data} does not exist`,
      2,
      'name a CSV, Parquet or NDJSON file with --data',
    );
  if (!stat.isFile())
    throw new CliError(
      `${data} is not a file`,
      2,
      'name a CSV, Parquet or NDJSON file with --data',
    );
  const ending = extname(path).toLowerCase();
  const format = findFormat(ending === '' ? '' : `file${ending}`) ?? endings[ending];
  if (format === undefined) {
    throw new CliError(
      `the name of ${data} does not end in .csv, .parquet or .ndjson`,
      2,
      packed[ending] ?? 'name it .csv, .parquet or .ndjson',
    );
  }
  return { path, format };
}

/** The default size limit of a source. */
const maxBytes = 4 * 2 ** 30;

async function profileSource(
  {
    path,
    format,
    label,
  }: { readonly path: string; readonly format: SourceFormat; readonly label: string },
  settings: CliSettings,
) {
  // Only commands that check a lifecycle load DuckDB; tsx resolves require, not import(), to
  // TypeScript.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { profileFile } = require('../../../data/lifecycle/local-check') as typeof LocalCheck;
  const policy = {
    files: { roots: [sep], denied: [settings.stateDir] },
    buckets: [],
    samplesDir: settings.samplesDir,
    allowPrivateAddresses: false,
    s3: null,
  };
  const uri = pathToFileURL(path).href;
  const source = { name: toSourceName(basename(path)), uri, format, time: null };
  const profile = await profileFile({
    source,
    label,
    policy,
    limits: { maxBytes: maxBytes, timeoutSeconds: 900 },
    scratchRoot: tmpdir(),
  });
  return { profile, bytes: statSync(path).size };
}

function sayInference({ say, paint }: Terminal, { found, checks }: InferredLifecycle): void {
  for (const [name, text] of found) say(`  ${name.padEnd(9)} ${text}`);
  if (checks.length === 0) return;
  say('check:');
  for (const check of checks) say(paint.yellow(`  - ${check}`));
}

function sayWritten(
  { say }: Terminal,
  files: Readonly<Record<string, string>>,
  name: string,
): void {
  for (const path of ['lifecycle.yaml', ...Object.keys(files)]) say(`wrote ${name}/${path}`);
}

function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${figure(bytes / 1e6)} MB`;
}

/**
 * The platform may have other trainers than this clone and checks again. This check finds an
 * unknown name early.
 */
function checkTrainer(trainersDir: string, trainer: string): void {
  // A trainer that fine-tunes language models cannot train on tables.
  const ofTables = openTrainerCatalog(trainersDir)
    .list()
    .filter(({ tasks }) => tasks.some((task) => task !== 'generation'));
  const known = ofTables.map(({ name }) => name);
  if (!known.includes(trainer)) throw unknownTrainer(trainer, known);
}

function checkTask(trainersDir: string, trainer: string, task: Task): void {
  const catalog = openTrainerCatalog(trainersDir).list();
  if (catalog.find(({ name }) => name === trainer)?.tasks.includes(task)) return;
  const able = catalog.filter(({ tasks: of }) => of.includes(task)).map(({ name }) => name);
  throw new CliError(
    `the trainer ${trainer} does not support ${task}`,
    2,
    `--trainer ${able.join(' or ')}`,
  );
}
