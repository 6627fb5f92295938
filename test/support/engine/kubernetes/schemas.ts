/** The official schemas of Kubernetes, strict: a field that a version does not know is an error. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Ajv, { type ValidateFunction } from 'ajv';

export const kubernetesVersions = ['1.30', '1.37'] as const;
export type KubernetesVersion = (typeof kubernetesVersions)[number];

interface VersionSchemas {
  readonly kinds: Readonly<Record<string, string>>;
  readonly definitions: Readonly<Record<string, object>>;
}

const validators = new Map<string, ValidateFunction>();
let read: Readonly<Record<KubernetesVersion, VersionSchemas>> | undefined;

/** What is wrong with an object of that kind; null if nothing is. */
export function findSchemaError(
  version: KubernetesVersion,
  kind: string,
  object: unknown,
): string | null {
  const validate = findValidator(version, kind);
  if (validate(object)) return null;
  return (validate.errors ?? [])
    .map(({ instancePath, message, params }) => {
      const { additionalProperty } = params as { additionalProperty?: string };
      return additionalProperty === undefined
        ? `${instancePath}: ${message ?? 'invalid'}`
        : `unknown field "${instancePath.slice(1).replaceAll('/', '.')}.${additionalProperty}"`;
    })
    .join(', ');
}

/** Compiles all schemas, which takes seconds on a busy machine. */
export function compileSchemas(): void {
  for (const version of kubernetesVersions)
    for (const kind of ['Job', 'Secret', 'SelfSubjectAccessReview', 'DeleteOptions'])
      findValidator(version, kind);
  for (const kind of ['Pod', 'Node', 'Event', 'ResourceQuota', 'Status'])
    findValidator('1.37', kind);
}

function findValidator(version: KubernetesVersion, kind: string): ValidateFunction {
  const key = `${version} ${kind}`;
  const found = validators.get(key);
  if (found) return found;
  read ??= JSON.parse(
    gunzipSync(readFileSync(join(__dirname, 'schemas.json.gz'))).toString(),
  ) as Record<KubernetesVersion, VersionSchemas>;
  const { kinds, definitions } = read[version];
  const name = kinds[kind];
  if (name === undefined) throw new Error(`no schema of ${kind}; see kubernetes-schemas.py`);
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.compile({ $ref: `#/definitions/${name}`, definitions });
  validators.set(key, validate);
  return validate;
}
