import type { Command } from 'commander';

/**
 * The meaning of the positional arguments of all commands, by name. `--help` lists an argument only
 * if it has a description.
 */
const meanings: Readonly<Record<string, string>> = {
  backend: 'compute backend (default: all of this machine)',
  build: 'build id, as index build prints it',
  cases: 'file of cases: NDJSON, or a promptfoo configuration (.yaml)',
  dataset: 'dataset name, <lifecycle>.<source>',
  decision: 'decision id, as run show prints it',
  delivery: 'delivery id, as webhook list prints it',
  duration: 'duration, such as 90m, 12h or 3d',
  event: 'event name, as the lifecycle function names it',
  experiment: 'experiment id or name, as experiment list prints them',
  file: 'path of the file',
  folder: 'path of the lifecycle or project folder',
  from: 'version to compare from',
  id: 'id, as the list command prints it',
  incident: 'incident id, as incident list prints it',
  index: 'index name',
  label: 'label, such as staging or production',
  lifecycle: 'lifecycle name',
  limit: 'limit, such as 100',
  model: 'model name',
  name: 'name',
  node: 'deployment:NAME, model:NAME@1, dataset:LIFECYCLE.SOURCE@1 or run:ID',
  path: 'path of a file or folder',
  prediction: 'prediction id, as predict prints it',
  prompt: 'prompt name',
  request: 'request, as new-key prints it',
  run: 'run id, as run list prints it',
  runs: 'run ids, as run list prints them',
  scope: 'tenant or provider/<name>',
  search: 'search id, as prompt searches prints it',
  tenant: 'tenant name',
  text: 'text to search for',
  to: 'version to compare with',
  version: 'version number',
  versions: 'version numbers',
};

export function describeArguments(command: Command): void {
  for (const argument of command.registeredArguments) {
    if (argument.description === '') argument.description = meanings[argument.name()] ?? '';
  }
  for (const child of command.commands) describeArguments(child);
}
