/** Runs a command as a job of the compute backend, as a stage in the records of the run. */
import { parseByteSize } from '../../domain/byte-size';
import {
  retryableJobFailures,
  type CommandOptions,
  type CommandResult,
} from '../../domain/project/command';
import type { ProgramSpec } from '../../domain/lifecycle/sections/program';
import {
  computeKinds,
  hasImages,
  hasQueues,
  isComputeKind,
  type ComputeSpec,
} from '../../domain/training/job';
import { computeWork } from '../activity-proxies';
import { runStage, type EndedStage, type Run } from '../lifecycle/stage';
import { readType } from '../run/undo';
import { assertSmall, nextCall, refusal, parseSeconds, type StageCalls } from './stage-calls';

export interface JobCall {
  readonly calls: StageCalls;
  readonly name: string;
  readonly options: CommandOptions;
}

export function callJob(
  run: Run,
  { files, environment }: ProgramSpec,
  { calls, name, options }: JobCall,
): Promise<EndedStage<CommandResult>> {
  const { inputs = {}, outputs = [], environment: variables = {}, cache = true } = options;
  checkJob(name, { ...options, inputs, outputs, environment: variables });
  assertSmall(`the options of job ${name}`, options);
  const compute = buildCompute(name, options.resources);
  const { attempts, on } = buildRetry(name, options.retry);
  const call = nextCall(calls, name);
  const command = { arguments: options.command, environment: variables, outputs };
  return runStage(
    run,
    {
      name: call,
      // The limits of a job do not change what it writes.
      inputs: () => ({ command, inputs, files, environment }),
      cached: cache,
    },
    async (effect) => {
      for (let attempt = 1; ; attempt++) {
        try {
          const output = await computeWork(compute).runCommandJob.executeWithOptions(
            { summary: attempt === 1 ? name : `${name}, attempt ${attempt}` },
            [
              {
                ...effect('job', attempt === 1 ? undefined : String(attempt)),
                name,
                command,
                inputs,
                files,
                environment,
                compute,
              },
            ],
          );
          return { output };
        } catch (error) {
          const isRetried = (on as readonly string[]).includes(readType(error));
          if (!isRetried || attempt >= attempts) throw error;
        }
      }
    },
  );
}

function checkJob(
  name: string,
  {
    command,
    inputs,
    outputs,
    environment,
  }: Required<Pick<CommandOptions, 'command' | 'inputs' | 'outputs' | 'environment'>>,
): void {
  if (!/^[a-z][a-z0-9_-]{0,62}$/.test(name))
    throw refusal(
      `run.job: the name cannot be ${JSON.stringify(name)}`,
      'use lower-case letters, digits, hyphens and underscores, beginning with a letter',
    );
  if (command.length === 0 || command.some((part) => part.includes('\0')))
    throw refusal(
      `job ${name}: command cannot be ${JSON.stringify(command)}`,
      "name the program first, such as ['sh', '-c', '…']",
    );
  for (const input of Object.keys(inputs))
    if (!/^[a-z][a-z0-9_]{0,62}$/.test(input))
      throw refusal(
        `job ${name}: an input cannot have the name ${JSON.stringify(input)}`,
        'use lower-case letters, digits and underscores, beginning with a letter',
      );
  for (const output of outputs)
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(output))
      throw refusal(
        `job ${name}: an output cannot have the name ${JSON.stringify(output)}`,
        'use the plain name of a file, such as scores.parquet',
      );
  for (const [variable, value] of Object.entries<unknown>(environment)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable) || variable.startsWith('PERENNIAL_'))
      throw refusal(
        `job ${name}: environment cannot set ${JSON.stringify(variable)}`,
        'use letters, digits and underscores; PERENNIAL_ is for the variables of the runtime',
      );
    if (typeof value !== 'string' || value.includes('\0'))
      throw refusal(
        `job ${name}: ${variable} in environment is not a text`,
        `write the value as a text, such as '4'`,
      );
  }
}

function buildCompute(
  name: string,
  {
    backend = 'local',
    gpus,
    queue,
    image,
    cpus = 1,
    memory = '2GiB',
    timeout = '30m',
    retries = 3,
  }: NonNullable<CommandOptions['resources']> = {},
): ComputeSpec {
  if (!isComputeKind(backend))
    throw refusal(
      `job ${name}: backend cannot be ${JSON.stringify(backend)}`,
      `use ${computeKinds.join(', ')}, or one that the platform has installed, such as x-nomad`,
    );
  if (gpus !== undefined && (backend === 'local' || !Number.isInteger(gpus) || gpus < 1))
    throw refusal(
      `job ${name}: gpus cannot be ${gpus} with the backend ${backend}`,
      'use a whole number from 1, with the backend ray, slurm or kubernetes',
    );
  if (queue !== undefined && !hasQueues(backend))
    throw refusal(
      `job ${name}: queue cannot be set with the backend ${backend}`,
      'remove it, or use the backend slurm or kubernetes',
    );
  if (image !== undefined && !hasImages(backend))
    throw refusal(
      `job ${name}: image cannot be set with the backend ${backend}`,
      'remove it, or use the backend kubernetes',
    );
  const memoryBytes = parseByteSize(memory);
  if (memoryBytes === null || memoryBytes < 64 * 2 ** 20)
    throw refusal(
      `job ${name}: memory cannot be ${JSON.stringify(memory)}`,
      'use 64MiB or more, such as 2GiB',
    );
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > 512)
    throw refusal(`job ${name}: cpus cannot be ${cpus}`, 'use a whole number from 1 to 512');
  if (!Number.isInteger(retries) || retries < 0 || retries > 20)
    throw refusal(`job ${name}: retries cannot be ${retries}`, 'use a whole number from 0 to 20');
  const timeoutSeconds = parseSeconds(`job ${name}: timeout`, timeout);
  return {
    backend,
    cpus,
    memoryBytes,
    timeoutSeconds,
    retries,
    ...(gpus === undefined ? {} : { gpus }),
    ...(queue === undefined ? {} : { queue }),
    ...(image === undefined ? {} : { image }),
  };
}

function buildRetry(
  name: string,
  { attempts, on }: NonNullable<CommandOptions['retry']> = { attempts: 1, on: [] },
): NonNullable<CommandOptions['retry']> {
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 20)
    throw refusal(
      `job ${name}: retry.attempts cannot be ${attempts}`,
      'use a whole number from 1 to 20',
    );
  for (const type of on)
    if (!retryableJobFailures.includes(type))
      throw refusal(
        `job ${name}: retry.on cannot have ${JSON.stringify(type)}`,
        `use ${retryableJobFailures.join(', ')}`,
      );
  return { attempts, on };
}
