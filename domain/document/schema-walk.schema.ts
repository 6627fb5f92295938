import { z } from 'zod';
import type { DocumentPath } from './path';
import { formatPath, valueAt } from './path';
import { nearest } from './nearest';

/** The schema of the value at `path`; the value's discriminator selects one of a union. */
export function schemaAt(
  schema: z.ZodType,
  document: unknown,
  path: DocumentPath,
): z.ZodType | null {
  let here: z.ZodType | null = schema;
  for (const [depth, part] of path.entries()) {
    const inner: z.ZodType | null =
      here === null ? null : chooseMember(unwrap(here), valueAt(document, path.slice(0, depth)));
    if (inner instanceof z.ZodObject)
      here = (inner.shape as Record<string, z.ZodType>)[part] ?? null;
    else if (inner instanceof z.ZodArray) here = inner.element as z.ZodType;
    else if (inner instanceof z.ZodRecord) here = inner.valueType as z.ZodType;
    else return null;
  }
  return here;
}

function unwrap(schema: z.ZodType): z.ZodType {
  const inner = peelLayer(schema);
  return inner === null ? schema : unwrap(inner);
}

/** Removes one layer: optional, default or transform. */
function peelLayer(schema: z.ZodType): z.ZodType | null {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    return schema.unwrap() as z.ZodType;
  }
  return schema instanceof z.ZodPipe ? (schema.in as z.ZodType) : null;
}

function chooseMember(schema: z.ZodType, value: unknown): z.ZodType | null {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const { discriminator } = schema.def;
  return (
    (schema.options.find(
      (option) => option instanceof z.ZodObject && fits(option, discriminator, value),
    ) as z.ZodType | undefined) ?? null
  );
}

function fits(option: z.ZodObject, discriminator: string, value: unknown): boolean {
  return (
    (option.shape as Record<string, z.ZodType>)[discriminator]?.safeParse(
      valueAt(value, [discriminator]),
    ).success ?? false
  );
}

/** The schema's description, also through optional, default and transform. */
export function findDescription(schema: z.ZodType | null): string | undefined {
  return schema === null ? undefined : (schema.description ?? findDescription(peelLayer(schema)));
}

/** The description of valid keys in the record that holds `path`. */
export function keyDescription(
  schema: z.ZodType,
  document: unknown,
  path: DocumentPath,
): string | undefined {
  const record = schemaAt(schema, document, path.slice(0, -1));
  const inner = record === null ? null : unwrap(record);
  return inner instanceof z.ZodRecord ? findDescription(inner.keyType as z.ZodType) : undefined;
}

/** The nearest key of the same map, or the only place in the schema with a key of this name. */
export function suggestKey(
  schema: z.ZodType,
  document: unknown,
  path: DocumentPath,
): string | undefined {
  const key = String(path.at(-1));
  const parent = schemaAt(schema, document, path.slice(0, -1));
  const map =
    parent === null ? null : chooseMember(unwrap(parent), valueAt(document, path.slice(0, -1)));
  if (map instanceof z.ZodObject) {
    const near = nearest(key, Object.keys(map.shape));
    if (near !== null) return near;
  }
  const elsewhere = listPlaces(schema, key, []);
  if (elsewhere.length !== 1) return undefined;
  // The key alone would not say where it belongs.
  return elsewhere[0] === key ? `${key} at the top level of the file` : elsewhere[0];
}

function listPlaces(schema: z.ZodType, key: string, path: readonly string[]): readonly string[] {
  const inner = unwrap(schema);
  // A section that a program writes is no place for a key that a person misplaced.
  if (!(inner instanceof z.ZodObject) || inner.meta()?.['generated'] === true) return [];
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([name, member]) => [
    ...(name === key ? [formatPath([...path, name])] : []),
    ...listPlaces(member, key, [...path, name]),
  ]);
}
