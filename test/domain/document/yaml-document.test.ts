import fc from 'fast-check';
import { stringify } from 'yaml';
import { canonicalJson } from '../../../domain/canonical';
import { objectDocument } from '../../../domain/document/document';
import { formatIssue } from '../../../domain/document/issue-text';
import { yamlDocument } from '../../../domain/document/yaml-document.schema';
import { processorTime } from '../../support/time/processor-time';

const listIssues = (text: string): readonly string[] =>
  yamlDocument(text, 'f.yaml').issues.map(formatIssue);

describe('a YAML document', () => {
  test.each([
    ['a: 1\nb: [x, "2", true, null, 1.5]\n', { a: 1, b: ['x', '2', true, null, 1.5] }],
    [
      'no: yes\ndate: 2013-07-01T00:00:00Z\noctal: 0o17\n',
      { no: 'yes', date: '2013-07-01T00:00:00Z', octal: 15 },
    ],
    ['\uFEFFa: 1\r\nb:\r\n  c: 2\r\n', { a: 1, b: { c: 2 } }],
    ['a: &x { b: 1 }\nc: *x\n', { a: { b: 1 }, c: { b: 1 } }],
    ['1: x\n"": y\ntrue: z\n', { '1': 'x', '': 'y', true: 'z' }],
    ['a: !!str 12\n', { a: '12' }],
    ['{"a": {"b": [1, 2]}}', { a: { b: [1, 2] } }],
    ['a:\nb: ~\n', { a: null, b: null }],
    ['a: |\n  two\n  lines\n', { a: 'two\nlines\n' }],
  ])('%j is accepted', (text, expected) => {
    const document = yamlDocument(text, 'f.yaml');
    expect(document.issues).toEqual([]);
    expect(document.value).toEqual(expected);
  });

  test.each([
    ['', ['f.yaml f.yaml is empty']],
    ['# only a comment\n', ['f.yaml f.yaml is empty']],
    ['a:\n\tb: 1\n', ['f.yaml:2:1 this line is indented with a tab; YAML needs spaces']],
    ['a: 1\nb: 2\na: 3\n', ['f.yaml:3:1 the key a is given twice; first in line 1']],
    ['a:\n  b: { c: 1, c: 2 }\n', ['f.yaml:2:14 the key a.b.c is given twice; first in line 2']],
    [
      'a: 1\n---\nb: 2\n',
      ['f.yaml:2:1 a second document begins here; one file holds one document'],
    ],
    [
      'a:\n  b: 1\n c: 2\n',
      ['f.yaml:3:1 this line is indented differently from the lines it belongs to'],
    ],
    ['a: b: c\n', ['f.yaml:1:4 two colons in one line; put the text in quotes']],
    ['a: "x\n', ['f.yaml:2:1 not valid YAML: Missing closing "quote']],
    ['a: @x\n', ['f.yaml:1:4 not valid YAML: Plain value cannot start with reserved character @']],
    ['a: *x\n', ['f.yaml:1:4 there is no anchor &x before this alias']],
    ['a: &a\n  b: *a\n', ['f.yaml:2:6 the alias *a contains itself']],
    [
      'a: !!js/function "x"\n',
      ['f.yaml:1:4 not valid YAML: Unresolved tag: tag:yaml.org,2002:js/function'],
    ],
    ['a: !!binary aGk=\n', ['f.yaml:1:4 not valid YAML: Unresolved tag: tag:yaml.org,2002:binary']],
    [
      '%YAML 1.1\n---\na: yes\n',
      [
        'f.yaml:1:1 YAML 1.1 is not supported, because it reads yes and no as booleans; use YAML 1.2',
      ],
    ],
    [
      'a: .nan\nb: -.inf\nc: 1e400\n',
      ['a', 'b', 'c'].map(
        (key, i) =>
          `f.yaml:${i + 1}:4 ${key} must be a finite number, not ${['.nan', '-.inf', '1e400'][i] ?? ''}`,
      ),
    ],
    [
      'a: 12345678901234567890\n',
      ['f.yaml:1:4 a has more digits than a number can hold; put it in quotes'],
    ],
    ['? [a, b]\n: 1\n', ['f.yaml:1:3 a key must be a plain word']],
    [
      'a: &a { x: 1 }\nb:\n  <<: *a\n',
      ['f.yaml:3:3 merge keys (<<) are not supported; write the values out'],
    ],
    ['__proto__: { x: 1 }\n', ['f.yaml:1:1 a key may not be named __proto__']],
    [`a: ${'['.repeat(100)}${']'.repeat(100)}\n`, ['f.yaml:1:68 nested deeper than 64 levels']],
    ['['.repeat(50_000), ['f.yaml:1:1 nested deeper than 64 levels']],
    [`a: ${'x'.repeat(1 << 20)}\n`, ['f.yaml f.yaml is larger than 1 MiB']],
  ])('%j is rejected with its place', (text, expected) => {
    const found = listIssues(text);
    // The depth that the parser reaches depends on the stack, so only the message is compared.
    expect(
      text.startsWith('[[[[') ? found.map((line) => line.replace(/:\d+ /, ':1 ')) : found,
    ).toEqual(expected);
  });

  test('rejects an alias bomb quickly', async () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) =>
        `l${i}: &l${i} [${Array.from({ length: 10 }, () => (i === 0 ? 'x' : `*l${i - 1}`)).join(', ')}]`,
    );
    const { value, milliseconds } = await processorTime(() => listIssues(levels.join('\n')));
    expect(value).toEqual([
      expect.stringMatching(/^f\.yaml:\d+:\d+ more than 100 aliases; write the values out$/),
    ]);
    expect(milliseconds).toBeLessThan(10_000);
  });

  test('rejects a megabyte of keys or anchors quickly', async () => {
    const keys = Array.from({ length: 30_000 }, (_, i) => `key${i}: 1`).join('\n');
    const anchors = Array.from({ length: 8_000 }, (_, i) => `k${i}: &a${i} 1\nl${i}: *a${i}`).join(
      '\n',
    );
    const { value, milliseconds } = await processorTime(() => [
      ...listIssues(keys),
      ...listIssues(anchors),
    ]);
    expect(value).toEqual(['f.yaml:202:7 more than 100 aliases; write the values out']);
    expect(milliseconds).toBeLessThan(20_000);
  });

  test('lists several errors at once', () => {
    expect(listIssues('a: 1\na: .nan\nb: *x\n')).toEqual([
      'f.yaml:2:1 the key a is given twice; first in line 1',
      'f.yaml:3:4 there is no anchor &x before this alias',
    ]);
  });

  test('places an issue at the key, or at the map that lacks it', () => {
    const document = yamlDocument('a:\n  b:\n    c: 1\n', 'f.yaml');
    expect(formatIssue(document.issueAt(['a', 'b', 'c'], 'x'))).toBe('f.yaml:3:5 x');
    expect(formatIssue(document.issueAt(['a', 'b', 'missing'], 'x'))).toBe('f.yaml:2:3 x');
    expect(formatIssue(document.issueAt([], 'x'))).toBe('f.yaml:1:1 x');
  });

  test('parses what the YAML library writes to the same value', () => {
    const json = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,8}$/),
      fc.jsonValue({ maxDepth: 4, noUnicodeString: false }),
      {
        minKeys: 1,
        maxKeys: 5,
      },
    );
    fc.assert(
      fc.property(json, (value) => {
        const document = yamlDocument(stringify(value), 'f.yaml');
        const bigNumber =
          document.issues.length > 0 &&
          document.issues.every(({ detail }) => detail.includes('more digits'));
        fc.pre(
          !bigNumber &&
            !JSON.stringify(value).includes('__proto__') &&
            !JSON.stringify(value).includes('"<<"'),
        );
        expect(document.issues).toEqual([]);
        expect(canonicalJson(document.value)).toBe(canonicalJson(value));
      }),
      { numRuns: 50 },
    );
  });
});

describe('a document given as a value', () => {
  const issues = (value: unknown): readonly string[] =>
    objectDocument(value, 'body').issues.map((issue) => `${issue.pointer} ${issue.detail}`);

  test.each<[string, unknown, readonly string[]]>([
    ['plain JSON', { a: [1, { b: null }], c: 'x' }, []],
    ['an absent member', { a: undefined }, []],
    ['NaN', { a: [Number.NaN] }, ['/a/0 a[0] is NaN, which is not a JSON value']],
    ['a date', { a: new Date(0) }, ['/a a is a Date, not a plain object']],
    ['a function', { a: () => 1 }, ['/a a is a function, which is not a JSON value']],
    ['a bigint', { a: 1n }, ['/a a is a bigint, which is not a JSON value']],
    [
      'a prototype',
      JSON.parse('{"a": {"__proto__": {}}}'),
      ['/a a key may not be named __proto__'],
    ],
    [
      'too many values',
      { a: Array.from({ length: 100_001 }, () => 1) },
      [' more than 100,000 values'],
    ],
  ])('%s', (_name, value, expected) => {
    expect(issues(value)).toEqual(expected);
  });

  test('nested too deeply has one issue per branch', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`) as object;
    expect(issues({ x: deep })).toEqual(['/x x is nested deeper than 64 levels']);
  });
});
