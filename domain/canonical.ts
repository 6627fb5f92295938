/**
 * RFC 8785 (JCS): the one text of a JSON value, so that equal values have equal digests. Refuses
 * with a TypeError what JSON cannot say exactly.
 */
export function canonicalJson(value: unknown): string {
  return write(value, '');
}

function write(value: unknown, pointer: string): string {
  switch (typeof value) {
    case 'string':
      return writeString(value, pointer);
    case 'number':
      // ECMAScript's number text is what the standard prescribes, including `0` for negative zero.
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
  if (/\p{Surrogate}/u.test(text)) throw notJson(pointer, 'text with half a surrogate pair');
  return JSON.stringify(text);
}

function writeArray(items: readonly unknown[], pointer: string): string {
  // Array.from visits holes as undefined, which `write` refuses; map would skip them.
  return `[${Array.from(items, (item, index) => write(item, `${pointer}/${index}`)).join(',')}]`;
}

function writeObject(value: object, pointer: string): string {
  // A Map, a Date or a class instance would become `{}` or lose its meaning. Asking for a root
  // prototype instead of Object.prototype also accepts objects of another realm (workflow sandbox).
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    throw notJson(pointer, value.constructor.name);
  const members = Object.entries(value)
    // An absent member and one that is undefined are the same thing in JSON.
    .filter(([, member]) => member !== undefined)
    // The default order of strings is by UTF-16 code unit, as the standard wants.
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(
      ([name, member]) => `${writeString(name, pointer)}:${write(member, `${pointer}/${name}`)}`,
    );
  return `{${members.join(',')}}`;
}

function notJson(pointer: string, what: string): TypeError {
  return new TypeError(
    `not expressible as JSON: ${what} at ${pointer === '' ? 'the top' : pointer}`,
  );
}
