import { count } from '../format';
import { formatByteSize } from '../byte-size';
import { canonicalJson } from '../canonical';
import type { IssueAt } from '../document/document';
import type { DocumentPath } from '../document/path';
import { isMap, nameOf } from '../document/path';
import type { Issue } from '../failure';

/**
 * The largest parameters that a run may carry: they travel in Temporal payloads, which warn at 256
 * KB.
 */
const maxParamsBytes = 256 * 1024;

/**
 * An issue when the parameters at `path` are too large; none when they are no map, which is
 * reported elsewhere.
 */
export function paramsIssues(
  params: unknown,
  path: DocumentPath,
  issueAt: IssueAt,
): readonly Issue[] {
  const bytes = sizeOf(params);
  if (bytes <= maxParamsBytes) return [];
  return [
    issueAt(path, `${nameOf(path)} is ${count(bytes)} bytes of JSON`, {
      expected: `at most ${formatByteSize(maxParamsBytes)}`,
    }),
  ];
}

/** Bytes of canonical JSON; 0 for what is absent or no JSON, which is reported elsewhere. */
function sizeOf(params: unknown): number {
  if (!isMap(params)) return 0;
  try {
    return new TextEncoder().encode(canonicalJson(params)).length;
  } catch {
    // A value that JSON cannot say is an issue of the document itself.
    return 0;
  }
}
