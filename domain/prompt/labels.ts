/** What answers people asks for a second pair of eyes; every other label moves freely. */
const approved: readonly string[] = ['production'];

export function needsApproval(label: string): boolean {
  return approved.includes(label);
}
