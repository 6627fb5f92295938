import { nearestHint } from '../../../domain/document/nearest';
import { CliError } from '../cli-error';

/** The error for an unknown trainer, with the nearest name. */
export function unknownTrainer(name: string, known: readonly string[]): CliError {
  const hint = nearestHint(name, known);
  return new CliError(
    `unknown trainer ${name}; available: ${known.join(', ')}${hint}`,
    2,
    `perennial trainer init ${name}`,
  );
}
