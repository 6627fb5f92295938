/** Thrown by a stage whose failure another attempt cannot change. It is not retried. */
export class StageError extends Error {
  override readonly name = 'StageError';
}
