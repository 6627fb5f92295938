import type { KnownModels } from '../apps/api/model/warnings';
import { openModelAccess, type ModelAccess } from '../data/language/model-access';
import type { Config } from './config';
import type { Logger } from './log';
import { modelProviders } from './language/model-providers';

/** Nobody waits longer for a warning. */
const patienceMs = 3000;

/**
 * Who answers for language models, for an API that asks nobody anything but what models there are.
 * Null where it is told of none, as on a cluster whose workers alone have the file, and where the
 * file cannot be read: the API serves what needs no model.
 */
export function openKnownModels(
  config: Pick<Config, 'llmUrl' | 'llmKey' | 'providersFile' | 'operatorSecretOf'>,
  log: Pick<Logger, 'warn'>,
): { readonly known: KnownModels | null; close(): Promise<void> } {
  const providers = providersOf(config, log);
  if (providers.length === 0) return { known: null, close: () => Promise.resolve() };
  const access: Pick<ModelAccess, 'models' | 'close'> = openModelAccess(
    providers,
    config.operatorSecretOf,
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

function providersOf(
  config: Parameters<typeof modelProviders>[0],
  log: Pick<Logger, 'warn'>,
): ReturnType<typeof modelProviders> {
  try {
    return modelProviders(config);
  } catch (error) {
    log.warn({ err: error }, 'nothing is said of models that are not there');
    return [];
  }
}
