/** Moving a label of production traffic needs an approval; other labels move freely. */
const approved: readonly string[] = ['production'];

export function needsApproval(label: string): boolean {
  return approved.includes(label);
}
