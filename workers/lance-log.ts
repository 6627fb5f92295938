/** LanceDB reads this when it is loaded, and writes to stderr between JSON lines: errors alone, unless an operator wants more. */
export function quietLanceDb(): void {
  process.env['LANCE_LOG'] ??= 'error';
}
