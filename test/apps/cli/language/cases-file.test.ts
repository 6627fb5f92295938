import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textOfFile, withoutJudging } from '../../../../apps/cli/language/cases-file';
import { caseSlice } from '../../../../domain/language/cases/case-slices';
import type { EvaluationCase } from '../../../../domain/language/cases/case';
import { readCaseSet } from '../../../../domain/language/cases/case-set-document';

const cases = Array.from({ length: 40 }, (_, number): EvaluationCase => ({
  id: `c${number}`,
  input: { question: `q${number}` },
  expected: { answer: 'a' },
  tags: [],
  group: null,
  pair: null,
  rules: [],
}));
const sliced = (search: number, confirm: number) => ({
  name: 'wiki',
  spec: { cases: { file: 'cases.ndjson', search, confirm } },
});

test('a search for a lifecycle uses none of its evaluation cases', () => {
  const of = sliced(0.4, 0.2);
  const left = withoutJudging({ text: '', cases }, of);
  expect(left.cases).toEqual(cases.filter((each) => caseSlice(each, of.spec.cases) !== 'judge'));
  expect(left.cases.length).toBeGreaterThan(10);
  expect(readCaseSet(left.text, 'cases').cases).toEqual(left.cases);
  expect(() => withoutJudging({ text: '', cases }, sliced(0, 0))).toThrow(
    'wiki evaluates with all 40 cases; none is left for the search',
  );
});

test('a file in another encoding is refused with its line, and a missing one with its name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-cases-'));
  try {
    writeFileSync(
      join(folder, 'cases.ndjson'),
      Buffer.from('{"id":"1"}\n{"id":"caf\xe9"}\n', 'latin1'),
    );
    expect(() => textOfFile('cases.ndjson', folder)).toThrow(
      'cases.ndjson: line 2 of cases.ndjson is not valid UTF-8',
    );
    expect(() => textOfFile('nosuch.ndjson', folder)).toThrow(
      /^nosuch\.ndjson cannot be read: .*ENOENT/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
