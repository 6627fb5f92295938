/** Keys and list positions from the top of a document. */
export type DocumentPath = readonly (string | number)[];

/** The JSON pointer (RFC 6901) of a path. */
export function toJsonPointer(path: DocumentPath): string {
  return path.map((part) => `/${String(part).replace(/~/g, '~0').replace(/\//g, '~1')}`).join('');
}

/** The value at a JSON pointer; undefined when there is none. */
export function valueAtPointer(document: unknown, pointer: string): unknown {
  const keys = pointer.split('/').slice(1);
  return keys.reduce<unknown>((value, key) => {
    const part = key.replaceAll('~1', '/').replaceAll('~0', '~');
    return valueAt(value, [Array.isArray(value) && /^\d+$/.test(part) ? Number(part) : part]);
  }, document);
}

/** The path as text: `spec.evaluate.gates[1].margin`. */
export function formatPath(path: DocumentPath): string {
  return path.reduce<string>((name, part) => {
    if (typeof part === 'number') return `${name}[${part}]`;
    const word = /^[\w-]+$/.test(part) ? part : JSON.stringify(part);
    return name === '' ? word : `${name}.${word}`;
  }, '');
}

/** The value at the path; undefined when there is none. Reads own keys only, not `constructor`. */
export function valueAt(document: unknown, path: DocumentPath): unknown {
  return path.reduce<unknown>((value, part) => {
    if (Array.isArray(value))
      return typeof part === 'number' ? (value as unknown[])[part] : undefined;
    return isMap(value) && Object.hasOwn(value, part) ? value[String(part)] : undefined;
  }, document);
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
