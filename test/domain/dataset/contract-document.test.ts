import { readContract } from '../../../domain/dataset/contract-document';
import { formatIssue } from '../../../domain/document/issue-text';
import { yamlDocument } from '../../../domain/document/yaml-document.schema';
import { contractText, replaceOnce } from '../../support/lifecycle-text';

const read = (text: string) => readContract(yamlDocument(text, 'c.yaml'));
const refused = (text: string): readonly string[] => {
  const result = read(text);
  return result.ok ? [] : result.issues.map(formatIssue);
};

test('a contract gets every default', () => {
  expect(read(contractText)).toEqual({
    ok: true,
    value: {
      columns: [
        {
          name: 'region',
          type: 'string',
          required: true,
          maxNullShare: 0,
          min: null,
          max: null,
          values: ['north', 'south'],
          pattern: null,
        },
        {
          name: 'amount',
          type: 'number',
          required: true,
          maxNullShare: 1,
          min: 0,
          max: 10_000,
          values: null,
          pattern: null,
        },
        {
          name: 'ordered_at',
          type: 'timestamp',
          required: true,
          maxNullShare: 1,
          min: '2012-01-01T00:00:00Z',
          max: null,
          values: null,
          pattern: null,
        },
        {
          name: 'customer',
          type: 'string',
          required: true,
          maxNullShare: 1,
          min: null,
          max: null,
          values: null,
          pattern: 'C[0-9]{6}',
        },
      ],
      otherColumns: 'allow',
      unique: [['customer', 'ordered_at']],
      rows: { min: 1, max: null },
      maxQuarantinedShare: 0.01,
      distribution: { columns: ['region'], maxPsi: 0.2 },
    },
  });
});

test('bounds of a timestamp are converted to UTC', () => {
  const result = read(
    replaceOnce(contractText, '2012-01-01T00:00:00Z', '2012-01-01T02:00:00+02:00'),
  );
  expect(result.ok && result.value.columns[2]?.min).toBe('2012-01-01T00:00:00Z');
});

test.each([
  [
    'no columns',
    contractText.slice(contractText.indexOf('  region'), contractText.indexOf('unique')),
    '',
    ['4:1 columns is empty; expected one or more columns by name, with their rules'],
  ],
  ['an unknown key', 'unique:', 'uniq:', ['9:1 unknown key uniq; did you mean unique?']],
  [
    'another kind',
    'kind: Contract',
    'kind: Dataset',
    ['2:1 kind cannot be "Dataset"; expected Contract'],
  ],
  [
    'an unknown type',
    'type: number',
    'type: nummer',
    [
      '6:13 columns.amount.type cannot be "nummer"; expected one of string, integer, number, boolean, timestamp; did you mean number?',
    ],
  ],
  [
    'a bound of another type',
    'min: 0,',
    'min: "0",',
    ['6:27 columns.amount.min does not fit a column of type number; expected a number'],
  ],
  [
    'a bound that is a boolean',
    'min: 0,',
    'min: true,',
    ['6:27 columns.amount.min must be a number or a time'],
  ],
  [
    'a time without its offset',
    '2012-01-01T00:00:00Z',
    '2012-01-01',
    [
      '7:34 columns.ordered_at.min does not fit a column of type timestamp; expected a time with its offset such as 2013-07-01T00:00:00Z',
    ],
  ],
  [
    'bounds the wrong way round',
    'max: 10000',
    'max: -1',
    ['6:35 columns.amount.max is below min, 0'],
  ],
  [
    'times the wrong way round',
    'min: "2012-01-01T00:00:00Z"',
    'min: "2012-01-01T00:00:00Z", max: "2011-01-01T00:00:00Z"',
    ['7:63 columns.ordered_at.max is below min, 2012-01-01T00:00:00Z'],
  ],
  [
    'values of another type',
    '[north, south]',
    '[north, 7]',
    ['5:60 columns.region.values[1] does not fit a column of type string; expected text'],
  ],
  [
    'no values',
    '[north, south]',
    '[]',
    ['5:44 columns.region.values must have at least 1 item; expected the allowed values'],
  ],
  [
    'values of a timestamp',
    'min: "2012-01-01T00:00:00Z"',
    'values: [1]',
    ['7:34 columns.ordered_at.values does not fit a column of type timestamp'],
  ],
  [
    'a pattern of numbers',
    'min: 0,',
    'pattern: "1.*",',
    ['6:27 columns.amount.pattern does not fit a column of type number'],
  ],
  [
    'a broken pattern',
    'C[0-9]{6}',
    'C[0-9',
    [
      '8:29 columns.customer.pattern is not a regular expression: /C[0-9/: Unterminated character class',
    ],
  ],
  [
    'a pattern with a lookahead',
    'C[0-9]{6}',
    '(?=C).*',
    ['8:29 columns.customer.pattern has a lookaround, which RE2 does not support'],
  ],
  [
    'a pattern with a backreference',
    'C[0-9]{6}',
    '(.)\\\\1',
    ['8:29 columns.customer.pattern has a backreference, which RE2 does not support'],
  ],
  [
    'a share in percent',
    'maxNullShare: 0',
    'maxNullShare: 5',
    [
      '5:27 columns.region.maxNullShare must be at most 1; expected the largest share of nulls, from 0 to 1; 0 quarantines each row with a null',
    ],
  ],
  [
    'an unknown unique column',
    '[[customer, ordered_at]]',
    '[[custmer]]',
    ['9:11 custmer is not among the columns of the contract; did you mean customer?'],
  ],
  [
    'one key as a plain word',
    '[[customer, ordered_at]]',
    'customer',
    [
      '9:1 unique must be a list, not "customer"; expected lists of columns whose combined values must be unique, such as [[customer, ordered_at]]',
    ],
  ],
  [
    'one key as a plain list',
    '[[customer, ordered_at]]',
    '[customer]',
    [
      '9:10 unique[0] must be a list, not "customer"; expected a list of columns, such as [customer, ordered_at]',
    ],
  ],
  [
    'unique at a column',
    'customer: { type: string,',
    'customer: { unique: true, type: string,',
    ['8:15 unknown key columns.customer.unique; did you mean unique at the top level of the file?'],
  ],
  [
    'a unique column twice',
    '[[customer, ordered_at]]',
    '[[customer, customer]]',
    ['9:21 customer is listed twice'],
  ],
  [
    'a distribution of time',
    'columns: [region]',
    'columns: [ordered_at]',
    ['10:27 ordered_at is a timestamp, whose distribution changes with every window'],
  ],
  [
    'a distribution of nothing',
    'columns: [region]',
    'columns: [reg]',
    ['10:27 reg is not among the columns of the contract'],
  ],
  [
    'no tolerance',
    'maxPsi: 0.2',
    'maxPsi: 0',
    [
      '10:36 distribution.maxPsi must be more than 0; expected the largest population stability index, above 0',
    ],
  ],
  [
    'fewer rows than none',
    'unique:',
    'rows: { min: 5, max: 2 }\nunique:',
    ['9:17 rows.max is below rows.min, 5'],
  ],
])('%s', (_name, part, otherwise, expected) => {
  expect(refused(replaceOnce(contractText, part, otherwise))).toEqual(
    expected.map((line) => `c.yaml:${line}`),
  );
});

test.each(['[A-Z]{2}\\d+', '(?i)abc', '(?P<year>\\d{4})', '\\\\1', '\\(\\?=', 'a|b', '\\p{L}+'])(
  'the pattern %s is allowed',
  (pattern) => {
    expect(refused(replaceOnce(contractText, '"C[0-9]{6}"', JSON.stringify(pattern)))).toEqual([]);
  },
);
