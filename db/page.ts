/** One page of a list, newest first unless the method says otherwise. `nextPageToken` is opaque; rows added meanwhile neither repeat nor hide others. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string | null;
}

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken?: string | undefined;
}
