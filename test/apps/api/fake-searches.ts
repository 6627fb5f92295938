import type { PromptSearchClient } from '../../../apps/prompt-search-client';
import type { PromptSearchInput, PromptSearchView } from '../../../workflows/prompt-search-messages';

/** Temporal as the routes of prompt searches see it. */
export interface FakeSearches extends PromptSearchClient {
  readonly started: PromptSearchInput[];
  readonly cancelled: string[];
  /** Of every search. */
  shown: PromptSearchView | null;
}

export function fakeSearches(): FakeSearches {
  const fake: FakeSearches = {
    started: [],
    cancelled: [],
    shown: null,
    start: (input) => {
      fake.started.push(input);
      return Promise.resolve();
    },
    view: () => Promise.resolve(fake.shown),
    cancel: ({ search }) => {
      fake.cancelled.push(search);
      return Promise.resolve();
    },
    url: ({ search, ofRun }) => `http://temporal.test/${ofRun ?? search}`,
  };
  return fake;
}
