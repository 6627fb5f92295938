import type { KnownModels } from '../apps/api/model-warnings';
import { openModelAccess, type ModelAccess } from '../data/language/model-access';
import type { Config } from './config';
import type { Logger } from './log';
import { modelProviders } from './language/model-providers';

/** The list of models only adds warnings, so the caller does not wait longer for it. */
const patienceMs = 3000;

/**
 * The providers' lists of models, with which the API warns of unknown models. Null if the API has
 * no providers, as on a cluster where only workers have the file, or if the file is not readable.
 * The API then still serves everything that needs no model.
 */
export function openModelCatalog(
  config: Pick<Config, 'llmUrl' | 'llmKey' | 'providersFile' | 'readOperatorSecret'>,
  log: Pick<Logger, 'warn'>,
): { readonly known: KnownModels | null; close(): Promise<void> } {
  const providers = openProviders(config, log);
  if (providers.length === 0) return { known: null, close: () => Promise.resolve() };
  const access: Pick<ModelAccess, 'models' | 'close'> = openModelAccess(
    providers,
    config.readOperatorSecret,
  );
  return {
    known: {
      providers: providers.map(({ name }) => name),
      file: config.providersFile,
      models: (provider) => access.models(provider, { signal: AbortSignal.timeout(patienceMs) }),
    },
    close: () => access.close(),
  };
}

function openProviders(
  config: Parameters<typeof modelProviders>[0],
  log: Pick<Logger, 'warn'>,
): ReturnType<typeof modelProviders> {
  try {
    return modelProviders(config);
  } catch (error) {
    log.warn({ err: error }, 'providers not readable; the API does not warn of unknown models');
    return [];
  }
}
