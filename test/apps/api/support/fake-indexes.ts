import type { IndexBuildStatus, IndexClient } from '../../../../apps/temporal-clients/index-client';
import { failure } from '../../../../domain/failure';
import type {
  IndexBuildInput,
  IndexRetirementInput,
  WaitingChanges,
} from '../../../../workflows/index-version/messages';

/** A fake of Temporal for the routes of indexes. */
export interface FakeIndexes extends IndexClient {
  /** Temporal does not respond. */
  away: boolean;
  readonly changes: string[];
  readonly removals: IndexRetirementInput[];
  readonly builds: IndexBuildInput[];
  waits: WaitingChanges | null;
  /** The state of a started build; default: running. */
  readStatus: (input: IndexBuildInput) => IndexBuildStatus;
}

export function fakeIndexes(): FakeIndexes {
  const told = (tell: () => void): Promise<void> => {
    if (fake.away) return Promise.reject(new Error('Temporal is away'));
    tell();
    return Promise.resolve();
  };
  const orders = new Map<string, string>();
  const fake: FakeIndexes = {
    away: false,
    changes: [],
    removals: [],
    builds: [],
    waits: null,
    readStatus: () => ({
      status: 'running',
      state: { phase: 'embedding', version: 2, shards: { done: 1, of: 3 } },
    }),
    changed: ({ index }) => told(() => fake.changes.push(index)),
    waiting: () => Promise.resolve(fake.waits),
    retired: (input) => told(() => fake.removals.push(input)),
    async build({ build }, { asked, input }) {
      const first = orders.get(build);
      if (first === undefined) fake.builds.push(await input());
      else if (first !== asked)
        throw failure('IdempotencyConflict', 'another build was started with this key');
      orders.set(build, asked);
    },
    status: ({ tenant, build }) => {
      const begun = fake.builds.find((each) => each.tenant === tenant && each.key === build);
      return Promise.resolve(begun ? fake.readStatus(begun) : null);
    },
    cancelBuild: () =>
      told(() => {
        fake.readStatus = () => ({ status: 'cancelled', cause: 'the build was cancelled' });
      }),
    buildUrl: ({ build }) => `http://temporal.test/${build}`,
  };
  return fake;
}
