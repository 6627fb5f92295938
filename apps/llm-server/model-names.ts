import { ApiError } from './api-error';

/** The adapter in `base:adapter`; null for `base`. @throws ApiError 404 for another model */
export function parseAdapter(model: string, baseName: string): string | null {
  if (model === baseName) return null;
  if (model.startsWith(`${baseName}:`)) return model.slice(baseName.length + 1);
  throw unknownModel(model, baseName);
}

export function unknownModel(model: string, known: string): ApiError {
  return new ApiError(404, `The model \`${model}\` does not exist; this server has ${known}`, {
    code: 'model_not_found',
    param: 'model',
  });
}
