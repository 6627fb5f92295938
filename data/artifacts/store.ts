import type { ArtifactRef, Digest } from '../../domain/artifact';

/**
 * Immutable bytes under their own digest, at `t/<tenant>/cas/sha256/ab/cd/<hex>`.
 * Every put may be repeated: the same bytes give the same reference and at most one object. Every read is verified against the reference's digest and size.
 * Errors: StorageUnavailable (try again), ArtifactMissing, DigestMismatch, InvalidInput (a reference that is not this store's).
 */
export interface ArtifactStore {
  readonly bucket: string;
  /** Makes the bucket if it is not there. */
  ensureBucket(): Promise<void>;
  putBytes(put: PutBytes): Promise<ArtifactRef>;
  /** Streams in constant memory. Nothing is visible before the last byte was sent and its digest checked. */
  putFile(put: PutFile): Promise<ArtifactRef>;
  /** Canonical JSON, so the reference's digest is `digestOf(value)`. */
  putJson(put: PutJson): Promise<ArtifactRef>;
  /** Refuses an object larger than `maxBytes` (64 MiB when not given) before it reads it. */
  getBytes(ref: ArtifactRef, options?: { readonly maxBytes?: number }): Promise<Uint8Array>;
  getJson<T>(ref: ArtifactRef): Promise<T>;
  /** Streams to `path`, which appears complete and verified, or not at all. */
  toFile(
    ref: ArtifactRef,
    path: string,
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (bytes: number) => void },
  ): Promise<void>;
  /** Whether an object of this size is there. Its bytes are verified when they are read. */
  exists(ref: ArtifactRef): Promise<boolean>;
  /** For the collector. Fine when it is gone already. */
  delete(ref: ArtifactRef): Promise<void>;
  readonly staging: StagingArea;
  close(): void;
}

interface Put {
  readonly tenant: string;
  /** Whose unfinished upload it is; `staging.clear` of this run ends it. */
  readonly runId?: string;
}

export interface PutBytes extends Put {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

export interface PutFile extends Put {
  readonly path: string;
  readonly mediaType: string;
  /** Refused with DigestMismatch when the file is not this. */
  readonly expected?: Digest;
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
}

export interface PutJson extends Put {
  readonly value: unknown;
}

/** What a run has begun to upload and not finished, under `t/<tenant>/staging/<runId>/`. Empty once a run has ended (I7). */
export interface StagingArea {
  list(run: { readonly tenant: string; readonly runId: string }): Promise<readonly string[]>;
  /** Ends the run's unfinished uploads and removes what it staged; returns how many. Fine when there is nothing. */
  clear(run: { readonly tenant: string; readonly runId: string }): Promise<number>;
  /** Runs that have something staged. */
  runs(tenant: string): Promise<readonly string[]>;
}

/** Tells the collector that a digest is in use, before anyone looks whether it is there (DESIGN §8). The registry's `artifacts` is one. */
export interface ArtifactLeases {
  /** Also clears a collector's mark on the digest. */
  lease(lease: { readonly tenant: string; readonly digest: Digest; readonly owner: string; readonly seconds: number }): Promise<unknown>;
  record(recorded: { readonly tenant: string; readonly ref: ArtifactRef }): Promise<unknown>;
}
