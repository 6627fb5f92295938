/** The failures of a run in few lines, for a reader who gets only the end of the output. */
import { relative } from 'node:path';

const maxLineLength = 200;
const colors = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

/**
 * One failure for each failed test, and for each test file that did not load.
 * @param testResults those of `jest --json`
 */
export function readFailures(root, testResults) {
  return testResults
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, message, assertionResults }) => {
      const file = relative(root, name);
      const failed = assertionResults.filter(({ status }) => status === 'failed');
      if (failed.length === 0) return [{ file, name: file, message: readCause(message) }];
      return failed.map(({ ancestorTitles, title, failureMessages }) => ({
        file,
        name: [file, ...ancestorTitles, title].join(' › '),
        message: readCause(failureMessages[0] ?? ''),
      }));
    });
}

/** Two lines for each failure: its name and the first line of its message. */
export function describeFailures(title, failures, maxFailures = 18) {
  if (failures.length === 0) return [];
  const shown = failures.slice(0, maxFailures);
  const left = failures.length - shown.length;
  const lines = shown.flatMap(({ name, message }) => [`  ${name}`, `      ${message}`]);
  if (left > 0) lines.push(`  and ${left} more`);
  return [`${title}:`, ...lines].map((line) =>
    line.length > maxLineLength ? `${line.slice(0, maxLineLength - 1)}…` : line,
  );
}

/**
 * The first line that says what went wrong. jest puts a title before the cause of a file that did
 * not load, and the values that differ below the line `expect(received)…`.
 */
export function readCause(text) {
  const [first = 'no message', ...others] = readLines(text).filter((line) => !line.startsWith('●'));
  const values = others.filter((line) => /^(Expected|Received)\b.*:/.test(line)).slice(0, 2);
  return /^(Error: )?expect\(/.test(first) ? [first, ...values].join('; ') : first;
}

/** For the output of a check: eslint prints the name of a file before what it found in it. */
export function readFirstLines(text) {
  return readLines(text).slice(0, 3).join('; ') || 'no message';
}

function readLines(text) {
  return text
    .replace(colors, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
