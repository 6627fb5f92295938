/**
 * The canonical text of a JSON value (RFC 8785, JCS), so that equal values have equal digests.
 * Throws a TypeError for a value that JSON cannot represent exactly.
 */
export function canonicalJson(value: unknown): string {
  return write(value, '');
}

function write(value: unknown, pointer: string): string {
  switch (typeof value) {
    case 'string':
      return writeString(value, pointer);
    case 'number':
      // The standard prescribes ECMAScript's number text, including `0` for negative zero.
      if (!Number.isFinite(value)) throw notJson(pointer, String(value));
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? writeArray(value, pointer) : writeObject(value, pointer);
    case 'undefined':
    case 'function':
    case 'symbol':
    case 'bigint':
      throw notJson(pointer, typeof value);
  }
}

function writeString(text: string, pointer: string): string {
  // With the u flag a surrogate matches only when its other half is missing.
  if (/\p{Surrogate}/u.test(text)) throw notJson(pointer, 'text with a lone surrogate');
  return JSON.stringify(text);
}

function writeArray(items: readonly unknown[], pointer: string): string {
  // Array.from visits holes as undefined, which `write` rejects; map would skip them.
  return `[${Array.from(items, (item, index) => write(item, `${pointer}/${index}`)).join(',')}]`;
}

function writeObject(value: object, pointer: string): string {
  // A Map, a Date or a class instance would lose its content. Comparing with the root prototype
  // also accepts objects of another realm (workflow sandbox).
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    throw notJson(pointer, value.constructor.name);
  const members = Object.entries(value)
    // JSON omits undefined members.
    .filter(([, member]) => member !== undefined)
    // Strings compare by UTF-16 code unit, as the standard requires.
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(
      ([name, member]) => `${writeString(name, pointer)}:${write(member, `${pointer}/${name}`)}`,
    );
  return `{${members.join(',')}}`;
}

function notJson(pointer: string, what: string): TypeError {
  return new TypeError(
    `cannot be represented in JSON: ${what} at ${pointer === '' ? 'the top level' : pointer}`,
  );
}
