/** How often the lists of the pages are read again. */

interface PolledQuery {
  readonly state: {
    readonly status: string;
    readonly data?: { readonly pages: readonly unknown[] } | undefined;
  };
}

const recoverMilliseconds = 10_000;

/**
 * All pages of a list are read again, each with a request. The pause grows with their number, so
 * that a long list costs the API no more than a short one.
 */
export function pollPages(milliseconds: number) {
  return ({ state: { data } }: PolledQuery): number =>
    milliseconds * Math.max(1, data?.pages.length ?? 1);
}

/** While `isOpen`. A list that failed recovers either way. */
export function pollPagesWhile(isOpen: boolean, milliseconds: number) {
  return (query: PolledQuery): number | false => {
    if (query.state.status === 'error') return recoverMilliseconds;
    return isOpen ? pollPages(milliseconds)(query) : false;
  };
}
