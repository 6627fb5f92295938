import { nearest } from '../../../domain/document/nearest';
import { CliError } from '../cli-error';

/** The error for an unknown trainer, with the nearest name. */
export function unknownTrainer(name: string, known: readonly string[]): CliError {
  const meant = nearest(name, known);
  const guess = meant === null ? '' : `; did you mean ${meant}?`;
  return new CliError(
    `unknown trainer ${name}; available: ${known.join(', ')}${guess}`,
    2,
    `perennial trainer init ${name}`,
  );
}
