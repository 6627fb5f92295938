import type { IndexBuildStanding, IndexClient } from '../../../apps/index-client';
import type { IndexBuildInput, IndexRetirementInput } from '../../../workflows/index-messages';

/** Temporal as the routes of indexes see it. */
export interface FakeIndexes extends IndexClient {
  /** Temporal does not answer. */
  away: boolean;
  readonly changes: string[];
  readonly removals: IndexRetirementInput[];
  readonly builds: IndexBuildInput[];
  /** What it says of one that was begun; by default that it runs. */
  standingOf: (input: IndexBuildInput) => IndexBuildStanding;
}

export function fakeIndexes(): FakeIndexes {
  const told = (tell: () => void): Promise<void> => {
    if (fake.away) return Promise.reject(new Error('Temporal is away'));
    tell();
    return Promise.resolve();
  };
  const fake: FakeIndexes = {
    away: false,
    changes: [],
    removals: [],
    builds: [],
    standingOf: () => ({ status: 'running', state: { phase: 'embedding', version: 2, shards: { done: 1, of: 3 } } }),
    changed: ({ index }) => told(() => fake.changes.push(index)),
    retired: (input) => told(() => fake.removals.push(input)),
    build: (_, input) => told(() => fake.builds.push(input)),
    standing: ({ build }) => {
      const begun = fake.builds.find(({ key }) => key === build);
      return Promise.resolve(begun ? fake.standingOf(begun) : null);
    },
    cancelBuild: () =>
      told(() => {
        fake.standingOf = () => ({ status: 'cancelled', cause: 'the build was cancelled' });
      }),
    buildUrl: ({ build }) => `http://temporal.test/${build}`,
  };
  return fake;
}
