import { count } from '../../domain/format';
import { failure } from '../../domain/failure';

export interface JsonBounds {
  /** Items of lists and members of maps together. */
  readonly values: number;
  /** Members of maps, which cost a parser and a schema much more than items of a list. */
  readonly keys: number;
  readonly depth: number;
}

/**
 * Counts the values of a JSON text before it is parsed, because each costs time and memory. One
 * pass takes about 2 ms per megabyte. Text that is not JSON is left to the parser.
 * @throws InvalidInput that names the bound and the place.
 */
export function checkJsonBounds(text: string, bounds: JsonBounds): void {
  let values = 1;
  let keys = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = stringEnd(text, at);
        break;
      case openMap:
      case openList:
        depth += 1;
        values += 1;
        if (depth > bounds.depth)
          throw beyond(`is nested deeper than ${bounds.depth} levels`, text, at);
        break;
      case closeMap:
      case closeList:
        depth -= 1;
        break;
      case comma:
        values += 1;
        if (values > bounds.values)
          throw beyond(`has more than ${count(bounds.values)} values`, text, at);
        break;
      case colon:
        keys += 1;
        if (keys > bounds.keys) throw beyond(`has more than ${count(bounds.keys)} keys`, text, at);
        break;
    }
  }
}

const quote = 0x22;
const openMap = 0x7b;
const openList = 0x5b;
const closeMap = 0x7d;
const closeList = 0x5d;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;

/** The end of the string that begins here, or the end of the text if it is not closed. */
export function stringEnd(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === backslash) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}

function beyond(detail: string, text: string, at: number): Error {
  const line = text.slice(0, at).split('\n').length;
  const column = at - text.lastIndexOf('\n', at - 1);
  return failure('InvalidInput', `the body ${detail}, at line ${line}, column ${column}`, {
    next: 'send less in one request',
    issues: [{ pointer: '', detail: `the body ${detail}`, line, column }],
  });
}
