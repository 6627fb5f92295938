import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { primitivesPage } from '../../scripts/primitives-page';

const page = readFileSync(resolve('docs/reference/primitives.md'), 'utf8');

test('the page of the primitives is current: node -r tsx/cjs scripts/reference-pages.ts', () => {
  expect(page).toBe(primitivesPage());
});

test.each([
  ['approve', ['ApprovalOptions', 'Approval']],
  ['child', ['ChildRun']],
  ['decide', ['DecisionPolicy', 'DecisionEvidence', 'DecisionResult']],
  ['job', ['CommandOptions', 'CommandResult']],
  ['waitFor', ['ReceivedEvent']],
])('it has the types that run.%s takes and returns', (_, names) => {
  for (const name of names) expect(page).toContain(`### ${name}\n\n\`\`\`text\n`);
});

test('it has each function with what it does', () => {
  for (const name of ['stage', 'step', 'map', 'job', 'approve', 'waitFor', 'child', 'decide'])
    expect(page).toMatch(new RegExp(`### run\\.${name}\\n\\n[A-Z]`));
});
