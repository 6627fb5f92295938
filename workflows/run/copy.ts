/**
 * A deep copy of a value that is JSON, as every spec and every result of an activity is. A
 * lifecycle gets copies, so it cannot change what its run works with.
 */
export function deepCopy<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
