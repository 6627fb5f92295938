import { count } from '../format';
import { formatByteSize } from '../byte-size';
import { canonicalJson } from '../canonical';
import type { IssueAt } from '../document/document';
import type { DocumentPath } from '../document/path';
import { isMap, formatPath } from '../document/path';
import type { Issue } from '../failure';

/** The largest parameters of a run, because Temporal warns about payloads of 256 KB. */
const maxParamsBytes = 256 * 1024;

/** An issue when the parameters at `path` are too large. Other checks report invalid ones. */
export function paramsIssues(
  params: unknown,
  path: DocumentPath,
  issueAt: IssueAt,
): readonly Issue[] {
  const bytes = measureSize(params);
  if (bytes <= maxParamsBytes) return [];
  return [
    issueAt(path, `${formatPath(path)} is ${count(bytes)} bytes of JSON`, {
      expected: `at most ${formatByteSize(maxParamsBytes)}`,
    }),
  ];
}

/** Bytes of canonical JSON; 0 for absent or invalid parameters. */
function measureSize(params: unknown): number {
  if (!isMap(params)) return 0;
  try {
    return new TextEncoder().encode(canonicalJson(params)).length;
  } catch {
    // A value outside JSON is an issue of the document.
    return 0;
  }
}
