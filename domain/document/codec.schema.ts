/** Codecs between a section as a document has it and as a spec has it. */
import { z } from 'zod';

type Renamed<T, Names> = {
  [Key in keyof T as Key extends keyof Names ? Names[Key] & string : Key]: T[Key];
};

/** Gives members another name in the spec: `timeout: 30m` is `timeoutSeconds: 1800` there. */
export function renameMembers<
  Written extends z.ZodObject,
  const Names extends Readonly<Partial<Record<keyof z.output<Written>, string>>>,
>(written: Written, names: Names) {
  const back = invert(names);
  return z.codec(written, z.custom<Renamed<z.output<Written>, Names>>(), {
    decode: (value) => withNames(value, names) as Renamed<z.output<Written>, Names>,
    encode: (value) => withNames(value, back) as z.output<Written>,
  });
}

function invert(names: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(names).map(([from, to]) => [String(to), from]));
}

function withNames(value: object, names: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [names[name] ?? name, member as unknown]),
  );
}

/** What a document may omit is null in the spec. */
export function orNull<Written extends z.ZodType>(written: Written) {
  return z.codec(written.optional(), z.custom<z.output<Written> | null>(), {
    decode: (value) => (value ?? null) as z.output<Written> | null,
    encode: (value) => (value ?? undefined) as z.output<Written> | undefined,
  });
}

/** A map by name in the document, and a list of named members in the spec. */
export function namedList<Written extends z.ZodType<object>>(name: z.ZodString, written: Written) {
  type Member = { readonly name: string } & z.output<Written>;
  const map = z.record(name, written);
  return z.codec(map, z.custom<readonly Member[]>(), {
    decode: (members) =>
      Object.entries(members).map(([each, member]) => ({ name: each, ...member })),
    encode: (members) =>
      Object.fromEntries(members.map(({ name: each, ...member }) => [each, member])) as z.output<
        typeof map
      >,
  });
}

/**
 * The document of a spec, with every default written out. It does not check the values: a spec that
 * is stored was checked when it was applied, by the rules of that time.
 */
export function documentFor<Schema extends z.ZodType>(
  schema: Schema,
  spec: z.output<Schema>,
): z.input<Schema> {
  const unchecked: z.core.ParseContextInternal<z.core.$ZodIssue> = { skipChecks: true };
  return withoutAbsent(z.encode(schema, spec, unchecked)) as z.input<Schema>;
}

/** zod writes an omitted member as undefined. */
function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) =>
      member === undefined ? [] : [[name, withoutAbsent(member)]],
    ),
  );
}
