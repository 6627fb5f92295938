import type { ApiClient } from '../../client/api-client';
import type { CliContext } from '../context';
import type { Suggestion, NamesOf } from './suggestions';

/** A shell waits for these at each press of Tab. */
const waitMilliseconds = 1_000;
/** The newest runs, and the first names. */
const most = 50;

type ListNames = (
  api: ApiClient,
  input: { readonly signal: AbortSignal },
) => Promise<readonly Suggestion[]>;

const runs: ListNames = async (api, input) =>
  (await api.list('GET /runs', input, most)).map(({ id, lifecycle, status, createdAt }) => ({
    value: id,
    description: `${lifecycle}, ${status}, ${createdAt}`,
  }));

/** Name of an argument or option → list command. */
const lists: Readonly<Record<string, ListNames>> = {
  lifecycle: async (api, input) =>
    (await api.list('GET /lifecycles', input, most)).map(toSuggestion),
  model: async (api, input) => (await api.list('GET /models', input, most)).map(toSuggestion),
  dataset: async (api, input) => (await api.list('GET /datasets', input, most)).map(toSuggestion),
  prompt: async (api, input) => (await api.list('GET /prompts', input, most)).map(toSuggestion),
  index: async (api, input) => (await api.list('GET /indexes', input, most)).map(toSuggestion),
  tenant: async (api, input) => (await api.list('GET /tenants', input, most)).map(toSuggestion),
  run: runs,
  runs,
};

/** None without a platform, because an error would be printed into the command line. */
export function namesOnPlatform(context: CliContext): NamesOf {
  return async (kind) => {
    try {
      const signal = AbortSignal.timeout(waitMilliseconds);
      return (await lists[kind]?.(context.api(), { signal })) ?? [];
    } catch {
      return [];
    }
  };
}

function toSuggestion({ name }: { readonly name: string }): Suggestion {
  return { value: name, description: '' };
}
