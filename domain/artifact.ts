/** A content digest, `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

/** A reference to immutable bytes. Workflows and records pass these; never the bytes. */
export interface ArtifactRef {
  /** `s3://bucket/key`, content-addressed. */
  readonly uri: string;
  readonly digest: Digest;
  readonly bytes: number;
  readonly mediaType: string;
}
