/** The file of a judge's prompt with this instruction about a question and its answer. */
export function writeJudgePrompt(template: string): string {
  return `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: judge }
spec:
  variables: { question: { type: string, description: what was asked }, answer: { type: string, description: what was answered } }
  messages: [{ role: user, template: "${template}" }]
`;
}
