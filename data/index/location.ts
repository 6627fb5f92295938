import { join } from 'node:path';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { S3Settings } from '../artifact/s3';

/** Where index tables are stored: in the bucket of the artifacts, or in a folder. */
export type IndexLocation =
  | { readonly kind: 's3'; readonly s3: S3Settings }
  | { readonly kind: 'directory'; readonly path: string };

export interface IndexAddress {
  readonly uri: string;
  readonly storageOptions: Readonly<Record<string, string>>;
}

/**
 * The address of the database of one tenant and index. It is separate from the artifacts, because
 * tables change and are deleted.
 */
export function buildAddress(
  location: IndexLocation,
  { tenant, index }: { readonly tenant: Tenant; readonly index: string },
): IndexAddress {
  for (const part of [tenant, index]) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(part))
      throw failure(
        'InvalidInput',
        `"${part}" is not a valid tenant or index name: use letters, digits, ".", "_" and "-"`,
      );
  }
  if (location.kind === 'directory')
    return { uri: join(location.path, 't', tenant, 'indexes', index), storageOptions: {} };
  const { endpoint, region, bucket, accessKeyId, secretAccessKey, sessionToken } = location.s3;
  return {
    uri: `s3://${bucket}/t/${tenant}/indexes/${index}`,
    storageOptions: {
      endpoint,
      region,
      awsAccessKeyId: accessKeyId,
      awsSecretAccessKey: secretAccessKey,
      ...(sessionToken ? { awsSessionToken: sessionToken } : {}),
      allowHttp: String(endpoint.startsWith('http:')),
      virtualHostedStyleRequest: 'false',
    },
  };
}
