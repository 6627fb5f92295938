import type { Issue, PerennialError } from '../failure';
import { failure } from '../failure';

/** One line of text: `lifecycle.yaml:12:5 unknown key spec.dta; did you mean data?` */
export function formatIssue(issue: Issue): string {
  const place = [issue.file, issue.line, issue.column]
    .filter((part) => part !== undefined)
    .join(':');
  const hints = [
    ...(issue.expected === undefined ? [] : [`expected ${issue.expected}`]),
    ...(issue.didYouMean === undefined ? [] : [`did you mean ${issue.didYouMean}?`]),
  ];
  return [place, [issue.detail, ...hints].join('; ')].filter((part) => part !== '').join(' ');
}

/** The InvalidInput failure with every issue of one document. */
export function invalidInput(
  what: string,
  issues: readonly Issue[],
  next?: string,
): PerennialError {
  const count = issues.length === 1 ? '1 error' : `${issues.length} errors`;
  const lines = issues.map((issue) => `  ${formatIssue(issue)}`).join('\n');
  return failure('InvalidInput', `${what} has ${count}\n${lines}`, {
    issues,
    ...(next === undefined ? {} : { next }),
  });
}
