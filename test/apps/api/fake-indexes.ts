import type { IndexClient } from '../../../apps/index-client';
import type { IndexRetirementInput } from '../../../workflows/index-messages';

/** Temporal as the routes of indexes see it. */
export interface FakeIndexes extends IndexClient {
  /** Temporal does not answer. */
  away: boolean;
  readonly changes: string[];
  readonly removals: IndexRetirementInput[];
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
    changed: ({ index }) => told(() => fake.changes.push(index)),
    retired: (input) => told(() => fake.removals.push(input)),
  };
  return fake;
}
