import { failure, isPerennialError } from '../../../domain/failure';
import { nearest } from '../../../domain/document/nearest';
import type { ModelProvider } from './provider';

const timeoutMs = 3000;

/** Add the nearest name, or up to ten models that the provider has, to a ModelNotFound error. */
export async function withNearestModel(
  error: unknown,
  provider: ModelProvider,
  model: string,
): Promise<unknown> {
  if (!isPerennialError(error) || error.type !== 'ModelNotFound' || error.next !== undefined)
    return error;
  const names = await provider.models({ signal: AbortSignal.timeout(timeoutMs) }).catch(() => []);
  if (names.length === 0) return error;
  const near = nearest(model, names);
  const next =
    near === null ? `available: ${names.slice(0, 10).join(', ')}` : `did you mean ${near}?`;
  return failure('ModelNotFound', error.message, { cause: error, next });
}
