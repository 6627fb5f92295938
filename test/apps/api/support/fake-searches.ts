import type { PromptSearchClient } from '../../../../apps/temporal-clients/prompt-search-client';
import type {
  PromptSearchInput,
  PromptSearchView,
} from '../../../../workflows/prompt/search-messages';

/** A fake of Temporal for the routes of prompt searches. */
export interface FakeSearches extends PromptSearchClient {
  readonly started: PromptSearchInput[];
  readonly cancelled: string[];
  /** The owner under which each was looked up: its run or itself. */
  readonly viewed: string[];
  /** The state of every search. */
  shown: PromptSearchView | null;
}

export function fakeSearches(): FakeSearches {
  const fake: FakeSearches = {
    started: [],
    cancelled: [],
    viewed: [],
    shown: null,
    start: (input) => {
      fake.started.push(input);
      return Promise.resolve();
    },
    view: ({ search, ofRun }) => {
      fake.viewed.push(ofRun ?? search);
      return Promise.resolve(fake.shown);
    },
    cancel: ({ search }) => {
      fake.cancelled.push(search);
      return Promise.resolve();
    },
    url: ({ search, ofRun }) => `http://temporal.test/${ofRun ?? search}`,
  };
  return fake;
}
