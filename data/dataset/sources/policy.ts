import type { S3Settings } from '../../artifact/s3';
import type { BucketPrefix } from './bucket-access';
import type { FileAccess } from './file-access';

/** Which files and objects sources may read, as whoever operates the platform decided. */
export interface SourceReach {
  /** For `file://`. */
  readonly files: FileAccess;
  /** For `s3://`. */
  readonly buckets: readonly BucketPrefix[];
}

/** What sources may read, as the operator of this worker decided. */
export interface SourcePolicy extends SourceReach {
  /** Where `sample://` tables are, one Parquet file each. */
  readonly samplesDir: string;
  /** Also lets `http://` through: whoever trusts the network may go without certificates. */
  readonly allowPrivateAddresses: boolean;
  /**
   * The service and credential for `s3://`; null refuses that scheme. Its bucket is Perennial's
   * own, which no source may read.
   */
  readonly s3: S3Settings | null;
}

/** What one source may cost. */
export interface SourceLimits {
  readonly maxBytes: number;
  readonly timeoutSeconds: number;
}
