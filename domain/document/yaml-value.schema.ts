import type { Node, ParsedNode } from 'yaml';
import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import { count as countText } from '../format';
import { documentLimits, toIssue } from './document';
import type { DocumentPath } from './path';
import { formatPath, toJsonPointer } from './path';
import type { Issue } from '../failure';

export type PlaceOf = (offset: number) => {
  readonly file: string;
  readonly line: number;
  readonly column: number;
};

export interface YamlValue {
  readonly value: unknown;
  readonly issues: readonly Issue[];
  /** Offsets of map keys and of values in the text, by JSON pointer. */
  readonly keys: ReadonlyMap<string, number>;
  readonly values: ReadonlyMap<string, number>;
}

const coreTags = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/;

/** The library's tree → plain value. A value outside JSON becomes null and an issue. */
export function convert(root: ParsedNode, placeOf: PlaceOf): YamlValue {
  const issues: Issue[] = [];
  const keys = new Map<string, number>();
  const values = new Map<string, number>();
  const anchors = new Map<string, Node>();
  const open = new Set<Node>();
  let count = 0;
  let aliases = 0;

  const refuse = (path: DocumentPath, detail: string, offset: number): null => {
    issues.push(toIssue(path, detail, placeOf(offset)));
    return null;
  };

  const visit = (node: Node | null, path: DocumentPath, at: number): unknown => {
    if (node === null) return null;
    const start = node.range?.[0] ?? at;
    count += 1;
    if (count === documentLimits.values + 1)
      refuse(
        [],
        `more than ${countText(documentLimits.values)} values after aliases are expanded`,
        start,
      );
    if (count > documentLimits.values) return null;
    if (path.length > documentLimits.depth)
      return refuse(path.slice(0, 1), `nested deeper than ${documentLimits.depth} levels`, start);
    if (!values.has(toJsonPointer(path))) values.set(toJsonPointer(path), start);
    if (isAlias(node)) {
      aliases += 1;
      if (aliases === documentLimits.aliases + 1)
        refuse([], `more than ${documentLimits.aliases} aliases; write the values out`, start);
      if (aliases > documentLimits.aliases) return null;
      const target = anchors.get(node.source);
      if (!target)
        return refuse(path, `there is no anchor &${node.source} before this alias`, start);
      if (open.has(target)) return refuse(path, `the alias *${node.source} contains itself`, start);
      return visit(target, path, start);
    }
    const { tag, anchor } = node as { readonly tag?: string; readonly anchor?: string };
    if (anchor !== undefined) anchors.set(anchor, node);
    if (tag !== undefined && !coreTags.test(tag))
      return refuse(path, `the tag ${tag} is not supported`, start);
    if (isScalar(node)) return scalar(node.value, node.source ?? '', path, start);
    open.add(node);
    const value = isMap(node)
      ? map(node.items, path, start)
      : isSeq(node)
        ? node.items.map((item, i) => visit(item as Node | null, [...path, i], start))
        : null;
    open.delete(node);
    return value;
  };

  const scalar = (value: unknown, source: string, path: DocumentPath, at: number): unknown => {
    if (typeof value !== 'number') return value;
    if (!Number.isFinite(value))
      return refuse(path, `${formatPath(path)} must be a finite number, not ${source}`, at);
    if (/^[-+]?\d+$/.test(source) && !Number.isSafeInteger(value))
      return refuse(
        path,
        `${formatPath(path)} has more digits than a number can hold; put it in quotes`,
        at,
      );
    return value;
  };

  const map = (
    items: readonly { readonly key: unknown; readonly value: unknown }[],
    path: DocumentPath,
    at: number,
  ): Record<string, unknown> => {
    const object: Record<string, unknown> = {};
    const seen = new Map<string, number>();
    for (const item of items) {
      const offset = (item.key as Node | null)?.range?.[0] ?? at;
      if (!isScalar(item.key)) {
        refuse(path, 'a key must be a plain word', offset);
        continue;
      }
      const key =
        typeof item.key.value === 'string'
          ? item.key.value
          : (item.key.source ?? String(item.key.value));
      const before = seen.get(key);
      seen.set(key, offset);
      if (before !== undefined)
        refuse(
          [...path, key],
          `the key ${formatPath([...path, key])} is given twice; first in line ${placeOf(before).line}`,
          offset,
        );
      else if (key === '__proto__') refuse(path, 'a key may not be named __proto__', offset);
      else if (key === '<<')
        refuse(path, 'merge keys (<<) are not supported; write the values out', offset);
      else {
        const pointer = toJsonPointer([...path, key]);
        if (!keys.has(pointer)) keys.set(pointer, offset);
        object[key] = visit(item.value as Node | null, [...path, key], offset);
      }
    }
    return object;
  };

  return { value: visit(root, [], 0), issues, keys, values };
}
