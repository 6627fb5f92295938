import type { S3Settings } from '../../artifact/s3';
import type { BucketPrefix } from './bucket-access';
import type { FileAccess } from './file-access';

/** Files and objects that sources may read, as the operator configured. */
export interface ReadableSources {
  /** Access to `file://` sources. */
  readonly files: FileAccess;
  /** Buckets of `s3://` sources. */
  readonly buckets: readonly BucketPrefix[];
}

/** What sources may read, as the operator of this worker configured. */
export interface SourcePolicy extends ReadableSources {
  /** Folder of the `sample://` tables, one Parquet file each. */
  readonly samplesDir: string;
  /** Also allows `http://`: an operator who trusts the network may do without certificates. */
  readonly allowPrivateAddresses: boolean;
  /**
   * Service and credential for `s3://`; null refuses that scheme. Its bucket is Perennial's own,
   * which sources must not read.
   */
  readonly s3: S3Settings | null;
}

/** Limits of one source. */
export interface SourceLimits {
  readonly maxBytes: number;
  readonly timeoutSeconds: number;
}
