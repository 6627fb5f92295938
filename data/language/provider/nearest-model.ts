import { failure, isPerennialError } from '../../../domain/failure';
import { nearest } from '../../../domain/document/nearest';
import type { ModelProvider } from './provider';

const patienceMs = 3000;

/** Says which models the provider does have, when it has not the one that was asked for. */
export async function withNearestModel(
  error: unknown,
  provider: ModelProvider,
  model: string,
): Promise<unknown> {
  if (!isPerennialError(error) || error.type !== 'ModelNotFound' || error.next !== undefined)
    return error;
  const names = await provider.models({ signal: AbortSignal.timeout(patienceMs) }).catch(() => []);
  if (names.length === 0) return error;
  const near = nearest(model, names);
  const next = near === null ? `it has ${names.slice(0, 10).join(', ')}` : `did you mean ${near}?`;
  return failure('ModelNotFound', error.message, { cause: error, next });
}
