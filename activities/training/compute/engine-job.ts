import { failure } from '../../../domain/failure';
import type { EngineJob } from './remote/engine';

/**
 * Refuses a job that no engine can represent: a name, an argument or a variable with characters
 * that the engine would cut or change.
 * @throws InvalidInput
 */
export function checkEngineJob({ name, command, environment, resources }: EngineJob): void {
  if (!/^[a-z0-9-]{1,63}$/.test(name))
    throw failure(
      'InvalidInput',
      `job name ${JSON.stringify(name)} is not 1 to 63 lower-case letters, digits and hyphens`,
    );
  if (command.length === 0 || command[0] === '')
    throw failure('InvalidInput', `job ${name} has no program`);
  const torn = command.findIndex((argument) => argument.includes('\0'));
  if (torn !== -1)
    throw failure('InvalidInput', `job ${name}: argument ${torn} has a NUL character`);
  for (const [variable, value] of Object.entries(environment)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable) || value.includes('\0'))
      throw failure(
        'InvalidInput',
        `job ${name}: environment variable ${JSON.stringify(variable)} cannot be passed`,
        { next: 'Use letters, digits and underscores in its name, and no NUL in its value' },
      );
  }
  const amounts = Object.entries({
    cpus: resources.cpus,
    memoryBytes: resources.memoryBytes,
    timeoutSeconds: resources.timeoutSeconds,
    gpus: resources.gpus ?? 1,
    nodes: resources.nodes ?? 1,
  });
  for (const [resource, amount] of amounts) {
    if (!Number.isFinite(amount) || amount <= 0)
      throw failure('InvalidInput', `job ${name}: ${resource} is ${amount}, which is not positive`);
  }
}
