import { join } from 'node:path';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { S3Settings } from '../artifact/s3';

/** Where the tables of indexes are: in the artifacts' bucket, or in a folder. */
export type IndexLocation =
  | { readonly kind: 's3'; readonly s3: S3Settings }
  | { readonly kind: 'directory'; readonly path: string };

export interface IndexAddress {
  readonly uri: string;
  readonly storageOptions: Readonly<Record<string, string>>;
}

/**
 * One database a tenant and index, apart from the content-addressed artifacts: tables grow and are
 * dropped.
 */
export function addressOf(
  location: IndexLocation,
  { tenant, index }: { readonly tenant: Tenant; readonly index: string },
): IndexAddress {
  for (const part of [tenant, index]) {
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(part))
      throw failure('InvalidInput', `"${part}" cannot be part of an index's address`);
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
