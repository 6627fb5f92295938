import type { ApiClient } from '../../client/api-client';
import type { CliContext } from '../context';
import type { Suggestion, NamesOf } from './suggestions';

/** A shell waits for these at each press of Tab. */
const waitSeconds = 1;
/** The newest runs, and the first names. */
const most = 50;

type ListNames = (api: ApiClient) => Promise<readonly Suggestion[]>;

const input = { timeoutSeconds: waitSeconds };
const runs: ListNames = async (api) =>
  (await api.list('GET /runs', input, most)).map(({ id, lifecycle, status, createdAt }) => ({
    value: id,
    description: `${lifecycle}, ${status}, ${createdAt}`,
  }));

/** By the name of an argument or option. */
const lists: Readonly<Record<string, ListNames>> = {
  lifecycle: async (api) => (await api.list('GET /lifecycles', input, most)).map(named),
  model: async (api) => (await api.list('GET /models', input, most)).map(named),
  dataset: async (api) => (await api.list('GET /datasets', input, most)).map(named),
  prompt: async (api) => (await api.list('GET /prompts', input, most)).map(named),
  index: async (api) => (await api.list('GET /indexes', input, most)).map(named),
  run: runs,
  runs,
};

/** None without a platform, because an error would be printed into the command line. */
export function namesOnPlatform(context: CliContext): NamesOf {
  return async (kind) => {
    try {
      return (await lists[kind]?.(context.api())) ?? [];
    } catch {
      return [];
    }
  };
}

function named({ name }: { readonly name: string }): Suggestion {
  return { value: name, description: '' };
}
