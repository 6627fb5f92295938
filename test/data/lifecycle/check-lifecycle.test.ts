import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { checkLifecycle } from '../../../data/lifecycle/check-lifecycle';
import { openSourceTables } from '../../../data/lifecycle/source-tables';
import { openTrainerCatalog } from '../../../data/training/catalog';
import type { Column } from '../../../domain/dataset/dataset';
import { formatIssue } from '../../../domain/document/issue-text';
import { lifecycleTemplate } from '../../../domain/lifecycle/template';
import { readLocatedLifecycle } from '../../../domain/lifecycle/located-document';
import { replaceOnce } from '../../support/lifecycle-text';

const trainers = openTrainerCatalog(resolve(__dirname, '..', '..', '..', 'trainers'));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'check-lifecycle-'));
  mkdirSync(join(folder, 'data'));
  writeOrders({ days: 150 });
});
afterAll(() => rmSync(folder, { recursive: true }));

const template = lifecycleTemplate({ name: 'churn', trainer: 'lightgbm' });
type Edits = Readonly<Record<string, readonly (readonly [string, string])[]>>;

/** Orders of the template, four a day from 2025-01-01 on, except for the days left out. */
function writeOrders({
  days,
  without = () => false,
}: {
  readonly days: number;
  readonly without?: (day: number) => boolean;
}): void {
  const rows = Array.from({ length: days }, (_, day) => day)
    .filter((day) => !without(day))
    .flatMap((day) =>
      ['00', '06', '12', '18'].map((hour, at) => {
        const date = new Date(Date.UTC(2025, 0, 1 + day)).toISOString().slice(0, 10);
        return `${date}T${hour}:00:00Z,c${at},web,${at + 1},${10 * at}.5,${at === 0 ? 'true' : 'false'}`;
      }),
    );
  writeFileSync(
    join(folder, 'data/orders.csv'),
    ['ordered_at,customer,channel,items,amount,returned', ...rows].join('\n'),
  );
}

async function check(
  edits: Edits,
  {
    lastVersion = null,
    files: added = {},
  }: {
    readonly lastVersion?: readonly Column[] | null;
    readonly files?: Readonly<Record<string, string>>;
  } = {},
) {
  const texts = Object.entries(template).map(([path, text]): readonly [string, string] => [
    path,
    (edits[path] ?? []).reduce((now, [part, otherwise]) => replaceOnce(now, part, otherwise), text),
  ]);
  const { 'lifecycle.yaml': document, ...named } = Object.fromEntries(texts);
  const files = { ...named, ...added };
  const placed = readLocatedLifecycle({ document, fileName: 'lifecycle.yaml', files, folder });
  const tables = openSourceTables({
    policy: {
      files: { roots: [folder], denied: [] },
      buckets: [],
      samplesDir: folder,
      allowPrivateAddresses: false,
      s3: null,
    },
    scratchRoot: tmpdir(),
    lastVersion: () => Promise.resolve(lastVersion),
    registered: () => Promise.resolve(null),
  });
  const { issues, notes } = await checkLifecycle(
    { placed, name: 'churn', fileName: 'lifecycle.yaml', files },
    { trainers, tables },
  );
  return { issues: issues.map(formatIssue), notes };
}

const lifecycle = 'lifecycle.yaml';
const assemble = 'sql/assemble.sql';
const features = 'sql/features.sql';
const contract = 'contracts/orders.yaml';

describe('a lifecycle and its data, before a run', () => {
  test('is valid as the template writes it', async () => {
    expect(await check({})).toEqual({ issues: [], notes: [] });
  });

  test('is refused on several nodes with a trainer that uses one', async () => {
    const { issues } = await check({
      [lifecycle]: [['compute: { cpus: 1', 'compute: { backend: slurm, nodes: 2, cpus: 1']],
    });
    expect(issues).toEqual([
      expect.stringMatching(
        /^lifecycle\.yaml:\d+:\d+ spec\.train\.compute\.nodes is at most 1: the trainer lightgbm cannot train on several nodes; expected 1, or the trainer torch$/,
      ),
    ]);
  });

  test('is refused for the trainer, the schema, the SQL and the contract in one round, file by file', async () => {
    const { issues } = await check({
      [lifecycle]: [
        ['trainer: lightgbm', 'trainer: lightgmb'],
        ['window: 6mo', 'window: 6months'],
        ['metrics: [logloss', 'metrics: [rmse'],
        ['time: ordered_at, contract', 'time: order_at, contract'],
      ],
      [assemble]: [['  amount,', '  amont,']],
      [features]: [['hour(', 'avg(']],
      [contract]: [['  amount:', '  amunt:']],
    });
    expect(issues).toEqual([
      expect.stringMatching(
        /^lifecycle\.yaml:8:\d+ source orders .* column order_at, which `time` names, does not exist; did you mean ordered_at\?/,
      ),
      expect.stringMatching(
        /^lifecycle\.yaml:\d+:\d+ spec\.data\.time\.window cannot be "6months"/,
      ),
      expect.stringMatching(
        /^lifecycle\.yaml:\d+:5 unknown trainer lightgmb; .* did you mean lightgbm\?$/,
      ),
      expect.stringMatching(/^lifecycle\.yaml:\d+:\d+ spec\.evaluate\.metrics\[0\] cannot be rmse/),
      expect.stringMatching(/^sql\/features\.sql:6:3 avg\(\) is not allowed in features/),
      'contracts/orders.yaml:8:3 the source orders has no such column; there is amount; expected a column amunt of type number',
      expect.stringMatching(/^sql\/assemble\.sql:8:3 Referenced column "amont" not found/),
    ]);
  });

  test('is refused for errors in SQL and YAML together', async () => {
    const { issues } = await check({
      [lifecycle]: [
        ['trainer: lightgbm', 'trainer: lightgmb'],
        ['  promote:', '\tpromote:'],
      ],
      [assemble]: [['  amount,', '  amont,']],
    });
    expect(issues).toEqual([
      expect.stringMatching(/^lifecycle\.yaml:\d+:5 unknown trainer lightgmb/),
      expect.stringMatching(/^lifecycle\.yaml:\d+:1 this line is indented with a tab/),
      expect.stringMatching(/^sql\/assemble\.sql:8:3 Referenced column "amont" not found/),
    ]);
  });

  test.each<[string, Edits, RegExp]>([
    [
      'a time column that the assembly does not give',
      { [lifecycle]: [['time: { column: ordered_at', 'time: { column: order_at']] },
      /^lifecycle\.yaml:12:13 sql\/assemble\.sql returns no column order_at, which is the event time; did you mean ordered_at\?$/,
    ],
    [
      'a time column that holds no times',
      { [lifecycle]: [['time: { column: ordered_at', 'time: { column: amount']] },
      /^lifecycle\.yaml:12:13 sql\/assemble\.sql returns the event time amount as number; expected timestamp$/,
    ],
    [
      'an entity that the assembly does not give',
      { [lifecycle]: [['entity: customer', 'entity: client']] },
      /^lifecycle\.yaml:13:5 sql\/assemble\.sql returns no column client, which is the entity$/,
    ],
    [
      'a feature of a column that a request does not have',
      { [features]: [['  items,', '  itms,']] },
      /^sql\/features\.sql:4:3 request has no column 'itms'; .* did you mean items\?$/,
    ],
    [
      'a slice by a column that is not there',
      {
        [lifecycle]: [
          [
            '    metrics: [logloss, auc, brier]',
            '    metrics: [logloss]\n    slices: { columns: [chanel], metric: logloss }',
          ],
        ],
      },
      /^lifecycle\.yaml:\d+:\d+ the assembled rows have no column chanel for slices; .* did you mean channel\?$/,
    ],
    [
      'a mistyped parameter',
      { [lifecycle]: [['learning_rate:', 'lerning_rate:']] },
      /^lifecycle\.yaml:18:15 spec\.train\.params\.lerning_rate: no such parameter; .* did you mean learning_rate\?$/,
    ],
    [
      'a search outside of what a parameter may be',
      {
        [lifecycle]: [
          [
            '  evaluate:',
            '  tune: { metric: logloss, direction: minimize, trials: 2, space: { num_leaves: { kind: int, low: 0, high: 3 } } }\n  evaluate:',
          ],
        ],
      },
      /^lifecycle\.yaml:\d+:\d+ spec\.tune\.space\.num_leaves: Too small/,
    ],
    [
      'a pruner that would never compare a trial',
      {
        [lifecycle]: [
          [
            '  evaluate:',
            '  tune: { metric: logloss, direction: minimize, trials: 2, pruner: asha, space: { num_iterations: { kind: int, low: 1, high: 2 } } }\n  evaluate:',
          ],
        ],
      },
      /^lifecycle\.yaml:\d+:\d+ spec\.tune\.pruner cannot be asha: a trial has 2 iterations/,
    ],
  ])('is refused for %s', async (_, edits, issue) => {
    expect((await check(edits)).issues).toEqual([expect.stringMatching(issue)]);
  });

  test('lists every missing column', async () => {
    const { issues } = await check({
      [lifecycle]: [
        ['label: { column: returned', 'label: { column: returnd'],
        ['entity: customer', 'entity: custmer'],
      ],
    });
    expect(issues.map((issue) => /(?<=returns no column )\w+/.exec(issue)?.[0])).toEqual([
      'returnd',
      'custmer',
    ]);
  });

  test('gets a note when a source is missing, but is not refused', async () => {
    const { issues, notes } = await check({
      [lifecycle]: [['data/orders.csv', 'data/later.csv']],
      [assemble]: [['  amount,', '  amont,']],
    });
    expect(issues).toEqual([]);
    expect(notes).toEqual([
      expect.stringMatching(
        /^lifecycle\.yaml:8:17 the columns of the source orders were not checked: .* the file does not exist; check the path/,
      ),
    ]);
  });

  test('gets a note for a gate on a class that the contract keeps out of the label', async () => {
    const { issues, notes } = await check({
      [lifecycle]: [
        ['label: { column: returned', 'label: { column: channel'],
        ['task: classification', 'task: multiclass'],
        ['metrics: [logloss, auc, brier]', 'metrics: [logloss]'],
        [
          '    gates:\n',
          '    gates:\n      - { name: finds-web, kind: threshold, metric: recall, class: wep, min: 0.5 }\n',
        ],
      ],
      [features]: [['  channel,\n', '']],
      [contract]: [['channel: { type: string', 'channel: { type: string, values: [web, shop]']],
    });
    expect(issues).toEqual([]);
    expect(notes).toEqual([
      expect.stringMatching(
        /^lifecycle\.yaml:\d+:\d+ contracts\/orders\.yaml allows no wep in the label channel, so this gate cannot pass; expected one of web, shop; did you mean web\?$/,
      ),
    ]);
  });

  test('gets notes, but is not refused, for columns of the last version of a remote source', async () => {
    const https: Edits = {
      [lifecycle]: [['file://./data/orders.csv', 'https://data.example/orders.csv']],
    };
    expect((await check(https)).notes).toEqual([
      expect.stringMatching(/only runs read https:\/\/ sources, and no run has read it yet$/),
    ]);
    const lastVersion: readonly Column[] = [
      { name: 'ordered_at', type: 'timestamp' },
      { name: 'customer', type: 'string' },
    ];
    const { issues, notes } = await check({ ...https, [contract]: [] }, { lastVersion });
    expect(issues).toEqual([]);
    expect(notes).toEqual([
      expect.stringMatching(
        /^sql\/assemble\.sql:6:3 .*channel.* \(checked with the columns that the last run read\)$/,
      ),
    ]);
  });
});

describe('the contracts of several sources', () => {
  const shops = 'contracts/shops.yaml';
  const buildContract = (columns: string): string =>
    `apiVersion: perennial.dev/v1\nkind: Contract\ncolumns: ${columns}\n`;
  beforeAll(() => writeFileSync(join(folder, 'data/shops.csv'), 'shop,city\ns1,Berlin\ns2,Rome'));
  /** The lifecycle of the template with a second source. */
  const withShops = (keys: string, files: Readonly<Record<string, string>>) =>
    check(
      {
        [lifecycle]: [
          [
            '    sources:\n',
            `    sources:\n      shops: { uri: "file://./data/shops.csv"${keys} }\n`,
          ],
        ],
      },
      { files },
    );

  test('are each checked with the columns of their own source', async () => {
    const { issues, notes } = await withShops(`, contract: ${shops}`, {
      [shops]: buildContract('{ shop: { type: string }, town: { type: string } }'),
    });
    expect(issues).toEqual([
      expect.stringMatching(
        /^contracts\/shops\.yaml:3:\d+ the source shops has no such column; .*a column town of type string/,
      ),
    ]);
    expect(notes).toEqual([]);
  });

  test('may be one file, with its errors listed for each source', async () => {
    const { issues } = await withShops(', contract: contracts/orders.yaml', {});
    const missing = (source: string) =>
      expect.stringMatching(
        new RegExp(`^contracts/orders\\.yaml:\\d+:3 the source ${source} has no such column`),
      ) as unknown;
    expect(issues).toEqual(Array.from({ length: 6 }, () => missing('shops')));
    const both = await check(
      {
        [lifecycle]: [
          [
            '    sources:\n',
            '    sources:\n      again: { uri: "file://./data/orders.csv", contract: contracts/orders.yaml }\n',
          ],
        ],
        [contract]: [['  amount:', '  amunt:']],
      },
      {},
    );
    expect(both.issues).toEqual([missing('again'), missing('orders')]);
  });

  test('may be missing, with a note', async () => {
    const { issues, notes } = await withShops('', {});
    expect(issues).toEqual([]);
    expect(notes).toEqual([
      'lifecycle.yaml:8:7 the source shops has no contract, so its rows are not checked; expected contract: contracts/shops.yaml',
    ]);
  });
});

describe('too few data today', () => {
  afterEach(() => writeOrders({ days: 150 }));

  test('gives a note on the part of the split without rows', async () => {
    writeOrders({ days: 60 });
    const { issues, notes } = await check({});
    expect(issues).toEqual([]);
    expect(notes).toEqual([
      expect.stringMatching(
        /^lifecycle\.yaml:14:5 the train split \(2024-.* to 2024-.*\) has no rows: orders has rows from 2025-01-01T00:00:00\.000Z to 2025-03-01T18:00:00\.000Z/,
      ),
    ]);
  });

  test('gives a note when the holdout has rows on fewer days than gates need', async () => {
    writeOrders({ days: 150, without: (day) => day > 120 && day < 146 });
    const { notes } = await check({});
    expect(notes).toEqual([
      expect.stringMatching(
        /^lifecycle\.yaml:14:\d+ the holdout has rows on [0-6] whole days whose labels are known, so the gate useful cannot pass/,
      ),
    ]);
  });
});
