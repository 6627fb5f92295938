import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { formatIssue, invalidInput } from '../../../domain/document/issue-text';
import { notifyEvents } from '../../../domain/notification/notification';
import { parseLifecycle, revisionDigestInput } from '../../../domain/lifecycle/document';
import { toDocument } from '../../../domain/lifecycle/plan';
import { computeDigest } from '../../../data/digest';
import { llmLifecycleTemplate } from '../../../domain/lifecycle/llm/template';
import {
  contractText,
  replaceOnce,
  lifecycleFiles,
  lifecycleText,
  requireModelSpec,
} from '../../support/lifecycle-text';

const read = (
  document: unknown,
  files: Readonly<Record<string, string>> = lifecycleFiles,
  folder?: string,
) =>
  parseLifecycle({
    document,
    fileName: 'lifecycle.yaml',
    files,
    ...(folder === undefined ? {} : { folder }),
  });

const refused = (
  document: unknown,
  files?: Readonly<Record<string, string>>,
): readonly string[] => {
  const parsed = read(document, files);
  return parsed.ok ? [] : parsed.issues.map(formatIssue);
};

const accepted = (document: unknown, files?: Readonly<Record<string, string>>, folder?: string) => {
  const parsed = read(document, files, folder);
  if (!parsed.ok) throw invalidInput('it', parsed.issues);
  return { ...parsed, spec: requireModelSpec(parsed.spec) };
};

describe('a lifecycle without event time', () => {
  const [time] = /\n    time: .*/.exec(lifecycleText) ?? [''];
  const [split] = /split: .*/.exec(lifecycleText) ?? [''];
  const without = (written: string) =>
    replaceOnce(
      replaceOnce(replaceOnce(lifecycleText, time, ''), split, `split: ${written}`),
      ', time: seen_at',
      '',
    );

  test.each([
    [
      '{ by: random, tuning: 0.2, confirm: 0.1, holdout: 0.2 }',
      { by: 'random', tuning: 0.2, confirm: 0.1, holdout: 0.2 },
    ],
    [
      '{ by: group, column: customer, tuning: 0.2, confirm: 0.1, holdout: 0.2 }',
      { by: 'group', column: 'customer', tuning: 0.2, confirm: 0.1, holdout: 0.2 },
    ],
  ])('is split by %s, and reads back the same', (written, expected) => {
    const { spec } = accepted(without(written));
    expect(spec.data).toMatchObject({ time: null, split: expected });
    expect(accepted(toDocument(spec)).spec).toEqual(spec);
  });

  test.each([
    [
      '{ by: time, tuning: 30d, confirm: 15d, holdout: 30d }',
      'spec.data.time is missing, but spec.data.split.by is time',
    ],
    [
      '{ by: random, tuning: 0.5, confirm: 0.3, holdout: 0.3 }',
      'spec.data.split takes 110 %: no rows are left to train on',
    ],
    ['{ by: group, tuning: 0.2, confirm: 0.1, holdout: 0.2 }', 'spec.data.split.column is missing'],
    ['{ by: hash, tuning: 0.2, confirm: 0.1, holdout: 0.2 }', 'spec.data.split.by'],
  ])('cannot be split by %s', (written, message) => {
    expect(refused(without(written)).join()).toContain(message);
  });
});

describe('a minimal lifecycle', () => {
  const { spec, contracts, paths } = accepted(lifecycleText);

  test('gets every default', () => {
    expect(spec).toEqual({
      kind: 'ModelLifecycle',
      name: 'late-orders',
      owner: 'ops@shop.example',
      labels: {},
      data: {
        sources: [
          {
            name: 'orders',
            uri: 's3://lake/orders.csv',
            format: 'csv',
            time: null,
            contract: 'contracts/orders.yaml',
          },
          {
            name: 'stock',
            uri: 'sample://stock',
            format: 'parquet',
            time: 'seen_at',
            contract: null,
          },
        ],
        assemble: 'sql/assemble.sql',
        features: 'sql/features.sql',
        label: { column: 'late', availableAfterSeconds: 21_600, dependsOnPrediction: false },
        time: {
          column: 'ordered_at',
          window: { months: 6, seconds: 0 },
          until: 'latest',
          timezone: 'UTC',
        },
        entity: 'customer',
        split: { by: 'time', tuningDays: 30, confirmDays: 15, holdoutDays: 30 },
        maxBytes: 4_294_967_296,
        timeoutSeconds: 900,
      },
      train: {
        trainer: 'lightgbm',
        task: null,
        params: { num_leaves: 63 },
        seed: 17,
        compute: {
          backend: 'local',
          cpus: 1,
          memoryBytes: 2_147_483_648,
          timeoutSeconds: 1_800,
          retries: 3,
        },
      },
      evaluate: {
        metrics: ['logloss', 'auc'],
        slices: { columns: ['region'], metric: 'logloss', minRows: 500 },
        gates: [
          {
            name: 'useful',
            kind: 'threshold',
            metric: 'auc',
            min: 0.62,
            max: null,
            confidence: 0.97,
          },
          {
            name: 'no-worse',
            kind: 'nonInferiority',
            metric: 'logloss',
            against: 'champion',
            whenAbsent: 'baseline',
            margin: 0.004,
            confidence: 0.97,
          },
          {
            name: 'slices',
            kind: 'slice',
            against: 'champion',
            whenAbsent: 'baseline',
            maxIncrease: 0.03,
            confidence: 0.97,
          },
          { name: 'parity', kind: 'parity', rows: 1_000, tolerance: 0.005, minShare: 0.999 },
        ],
        ungated: null,
      },
      promote: {
        approval: { required: 0, role: 'approver', timeoutSeconds: 604_800, allowStarter: false },
      },
      tune: null,
      canary: null,
      schedule: null,
      notify: [],
    });
  });

  test('returns the contract of each source and the paths of its files', () => {
    expect(contracts).toEqual({
      orders: expect.objectContaining({
        rows: { min: 1, max: null },
        maxQuarantinedShare: 0.01,
        otherColumns: 'allow',
      }) as unknown,
    });
    expect(paths).toEqual(['sql/assemble.sql', 'sql/features.sql', 'contracts/orders.yaml']);
  });

  test('parses to the same spec from an object, from JSON and with every default written', () => {
    const object: unknown = parse(lifecycleText);
    expect(accepted(object)).toEqual(accepted(lifecycleText));
    expect(accepted(JSON.stringify(object))).toEqual(accepted(lifecycleText));
    expect(accepted(toDocument(spec))).toEqual(accepted(lifecycleText));
  });

  test('keeps its digest, so that a revision that did not change is found again', () => {
    expect(computeDigest(spec)).toBe(
      'sha256:cb1a63e3d723a73c59eeb329762ada5fcc76dd417cadd345af43235bb81570d9',
    );
  });

  test('has a digest that depends on its spec and its files', () => {
    expect(revisionDigestInput(spec, { 'sql/assemble.sql': 'sha256:00' })).toEqual({
      spec,
      files: { 'sql/assemble.sql': 'sha256:00' },
    });
  });
});

test('accepts every key of the schema', () => {
  const full = accepted(
    {
      apiVersion: 'perennial.dev/v1',
      kind: 'ModelLifecycle',
      metadata: { name: 'a', owner: 'b', labels: { 'team/x': 'y' } },
      spec: {
        data: {
          sources: { rows: { uri: 'https://host/rows?part=1', format: 'ndjson', time: 'at' } },
          assemble: './a.sql',
          features: 'f.sql',
          label: { column: 'y', availableAfter: '0s', dependsOnPrediction: true },
          time: { column: 'at', window: '90d', until: '2013-07-01T02:00:00+02:00' },
          entity: 'rider',
          split: { by: 'time', tuning: '48h', confirm: '1d', holdout: '10d' },
          limits: { size: '512MiB', timeout: '45s' },
        },
        train: {
          trainer: 'logistic',
          task: 'regression',
          params: { deep: { list: [1, null, 'x'] } },
          seed: 0,
          compute: { backend: 'local', cpus: 4, memory: '64MiB', timeout: '2h', retries: 0 },
        },
        evaluate: { metrics: ['rmse'], gates: [], ungated: 'first look' },
        promote: { approval: { required: 2, role: 'admin', timeout: '12h' } },
        tune: {
          metric: 'mae',
          direction: 'minimize',
          trials: 10,
          parallel: 3,
          sampler: 'random',
          pruner: 'none',
          seed: 5,
          space: {
            depth: { kind: 'int', low: 2, high: 64, log: true },
            rate: { kind: 'float', low: 0.1, high: 0.5, step: 0.1 },
            loss: { kind: 'categorical', choices: ['l1', 'l2'] },
          },
          budget: { seconds: 60 },
        },
        canary: {
          steps: [0, 12.5],
          quality: { metric: 'mae', rule: 'superiority', margin: 0, bound: 500 },
          guardrails: [
            { name: 'errors', max: 0.02 },
            { name: 'latency_ms', max: 80 },
          ],
          test: { kind: 'alwaysValid', alpha: 0.05, minSamples: 100, minDuration: '2d' },
          maxDuration: '7d',
          onInconclusive: 'hold',
        },
        schedule: {
          cron: '0 3 1 * *',
          timezone: 'America/New_York',
          overlap: 'bufferOne',
          catchup: '2h',
          jitter: '10m',
          paused: true,
        },
        notify: [
          { webhook: 'https://hooks.example/x', secret: { env: 'HOOK' }, events: ['run.failed'] },
        ],
      },
    },
    { 'a.sql': 'SELECT 1', 'f.sql': 'SELECT 1', 'notes.yaml': 'left: aside' },
  );
  expect(full.paths).toEqual(['a.sql', 'f.sql']);
  expect(full.spec).toMatchObject({
    labels: { 'team/x': 'y' },
    data: {
      sources: [
        {
          name: 'rows',
          uri: 'https://host/rows?part=1',
          format: 'ndjson',
          time: 'at',
          contract: null,
        },
      ],
      assemble: 'a.sql',
      label: { availableAfterSeconds: 0, dependsOnPrediction: true },
      time: { window: { months: 0, seconds: 7_776_000 }, until: '2013-07-01T00:00:00Z' },
      entity: 'rider',
      split: { tuningDays: 2, confirmDays: 1, holdoutDays: 10 },
      maxBytes: 536_870_912,
      timeoutSeconds: 45,
    },
    train: {
      task: 'regression',
      seed: 0,
      compute: { cpus: 4, memoryBytes: 67_108_864, timeoutSeconds: 7_200, retries: 0 },
    },
    evaluate: { slices: null, gates: [], ungated: 'first look' },
    promote: { approval: { required: 2, role: 'admin', timeoutSeconds: 43_200 } },
    tune: {
      space: {
        depth: { kind: 'int', low: 2, high: 64, step: 1, log: true },
        rate: { kind: 'float', low: 0.1, high: 0.5, step: 0.1, log: false },
        loss: { kind: 'categorical', choices: ['l1', 'l2'] },
      },
      budgetSeconds: 60,
    },
    canary: {
      steps: [0, 12.5],
      quality: { metric: 'mae', rule: 'superiority', margin: 0, bound: 500 },
      guardrails: [
        { name: 'errors', max: 0.02 },
        { name: 'latency_ms', quantile: 0.97, max: 80 },
      ],
      test: { kind: 'alwaysValid', alpha: 0.05, minSamples: 100, minDurationSeconds: 172_800 },
      maxDurationSeconds: 604_800,
      onInconclusive: 'hold',
    },
    schedule: {
      cron: '0 3 1 * *',
      overlap: 'bufferOne',
      catchupSeconds: 7_200,
      jitterSeconds: 600,
      paused: true,
    },
    notify: [
      { webhook: 'https://hooks.example/x', secret: { env: 'HOOK' }, events: ['run.failed'] },
    ],
  });
  expect(
    accepted(toDocument(full.spec), { 'a.sql': 'SELECT 1', 'f.sql': 'SELECT 1' }).spec,
  ).toEqual(full.spec);
});

describe('relative sources', () => {
  const relative = replaceOnce(
    lifecycleText,
    's3://lake/orders.csv',
    'file://./data/../orders.csv',
  );

  test('are resolved in the folder of the lifecycle', () => {
    expect(
      accepted(relative, lifecycleFiles, '/home/ops/late-orders').spec.data.sources[0]?.uri,
    ).toBe('file:///home/ops/late-orders/orders.csv');
  });

  test('are an error without a folder', () => {
    expect(refused(relative)).toEqual([
      'lifecycle.yaml:7:17 spec.data.sources.orders.uri is relative, but the folder of the lifecycle is unknown; expected file:///absolute/path',
    ]);
  });
});

/** One error each in an otherwise valid lifecycle, with the whole message. */
const singleErrors: readonly (readonly [
  name: string,
  part: string,
  otherwise: string,
  said: string | readonly string[],
])[] = [
  // Keys.
  [
    'a misspelt key',
    'assemble: sql',
    'asemble: sql',
    '9:5 unknown key spec.data.asemble; did you mean assemble?',
  ],
  [
    'a key in other words',
    'window: 6mo',
    'Window: 6mo',
    '12:33 unknown key spec.data.time.Window; did you mean window?',
  ],
  [
    'a key that belongs elsewhere',
    '  evaluate:',
    '  params: {}\n  evaluate:',
    '20:3 unknown key spec.params; did you mean spec.train.params?',
  ],
  [
    'an unknown key with no similar one',
    'by: time,',
    'by: time, zebra: 1,',
    '14:24 unknown key spec.data.split.zebra',
  ],
  [
    'an unknown key of a gate',
    'min: 0.62',
    'min: 0.62, zebra: 1',
    '24:66 unknown key spec.evaluate.gates[0].zebra',
  ],
  [
    'a missing key',
    'features: sql/features.sql',
    '',
    '5:3 spec.data.features is missing; expected the path of the SQL file that computes the features of one request row',
  ],
  [
    'a missing part',
    '  train:\n    trainer: lightgbm\n    params: { num_leaves: 63 }\n    compute: { backend: local }\n',
    '',
    '4:1 spec.train is missing; expected trainer and params',
  ],
  [
    'an empty part',
    'metadata: { name: late-orders, owner: ops@shop.example }',
    'metadata:',
    '3:1 metadata is empty; expected name and owner',
  ],
  // The release.
  ...[
    [
      'a tune without a space',
      'tune: { metric: auc, direction: maximize, trials: 4, space: {} }',
      '20:56 spec.tune.space is empty; expected at least one parameter with its range',
    ],
    [
      'a search the wrong way',
      'tune: { metric: auc, direction: minimize, trials: 4, space: { a: { kind: int, low: 1, high: 2 } } }',
      '20:24 spec.tune.direction cannot be minimize: auc is better higher; expected maximize',
    ],
    [
      'a range that is none',
      'tune: { metric: auc, direction: maximize, trials: 4, space: { a: { kind: float, low: 1, high: 1 } } }',
      '20:65 spec.tune.space.a goes from 1 to 1; expected low below high',
    ],
    [
      'steps that fall',
      'canary: { quality: { metric: logloss, margin: 0.01 }, steps: [0, 25, 5] }',
      '20:57 spec.canary.steps must increase; expected such as [0, 5, 25, 50]',
    ],
    [
      'a shadow that nobody approves',
      'canary: { method: shadow, quality: { metric: logloss, margin: 0.01 } }',
      '20:13 spec.canary.method is shadow: it answers no request, so a person must approve its promotion; expected promote.approval.required of 1 or more',
    ],
    [
      'a blue/green rollout in steps',
      'canary: { method: blueGreen, steps: [0, 50], quality: { metric: logloss, margin: 0.01 } }',
      '20:32 spec.canary.steps is not possible with method: blueGreen; expected no steps, or [0, 100]',
    ],
    [
      'a blue/green rollout that must be better',
      'canary: { method: blueGreen, quality: { metric: logloss, margin: 0.01, rule: superiority } }',
      '20:74 spec.canary.quality.rule is superiority, but a blue/green rollout only tests for harm; expected rule: nonInferiority',
    ],
    [
      'a bandit whose challenger may get all traffic',
      'canary: { method: bandit, steps: [5, 100], quality: { metric: logloss, margin: 0.01 } }',
      '20:29 spec.canary.steps is not possible with method: bandit, which needs its least and greatest share; expected no steps, or two numbers between 0 and 100, such as [5, 95]',
    ],
    [
      'a bandit with a shadow',
      'canary: { method: bandit, steps: [0, 50], quality: { metric: logloss, margin: 0.01 } }',
      '20:29 spec.canary.steps is not possible with method: bandit, which needs its least and greatest share; expected no steps, or two numbers between 0 and 100, such as [5, 95]',
    ],
    [
      'a bandit of several challengers',
      'canary: { method: bandit, against: [3], quality: { metric: logloss, margin: 0.01 } }',
      '20:29 spec.canary.against is only for method: ab; expected no against',
    ],
    [
      'a canary without its shadow',
      'canary: { requireShadow: false, quality: { metric: logloss, margin: 0.01 } }',
      '20:13 spec.canary.requireShadow is only for method: blueGreen; expected no requireShadow',
    ],
    [
      'a canary longer than it may last',
      'canary: { quality: { metric: brier, margin: 0.01 }, steps: [0], test: { minDuration: 30d } }',
      '20:75 spec.canary.test.minDuration is 30d, longer than spec.canary.maxDuration (28d); expected a shorter one, or a longer maxDuration; below 7d differences between days are not tested',
    ],
    [
      'half a schedule',
      'schedule: { cron: "0 3 1 *" }',
      '20:15 spec.schedule.cron cannot be "0 3 1 *"; expected five fields: minute, hour, day of month, month and day of week, such as "0 3 1 * *"',
    ],
    [
      'a secret in an address',
      'notify: [{ webhook: "https://me:word@hooks.example/x", secret: { env: HOOK } }]',
      '20:14 spec.notify[0].webhook has a credential, which belongs in secret; expected an https:// URL without credentials',
    ],
    [
      'an address of something else, which is not repeated',
      'notify: [{ webhook: "ftp://me:word@hooks.example/x", secret: { env: HOOK } }]',
      '20:14 spec.notify[0].webhook is not an http or https URL; expected an https:// URL without credentials',
    ],
    [
      'a secret in place of its reference, which is not repeated',
      'notify: [{ webhook: "https://hooks.example/x", secret: whsec_c2VjcmV0 }]',
      '20:50 spec.notify[0].secret must be a reference, { env: NAME } or { file: PATH }, and not the secret itself',
    ],
    [
      'an escalation without its event',
      'notify: [{ email: { to: [a@b.example] }, events: [run.failed], escalateAfter: 30m }]',
      '20:66 spec.notify[0].escalateAfter has no event to send; expected incident.escalated in events',
    ],
    [
      'the name of an event in other words',
      'notify: [{ webhook: "https://hooks.example/x", secret: { env: HOOK }, events: [rollout.rolledback] }]',
      `20:82 spec.notify[0].events[0] cannot be "rollout.rolledback"; expected one of ${notifyEvents.join(', ')}; did you mean rollout.rolled_back?`,
    ],
  ].map(
    ([what = '', line = '', message = '']) =>
      [what, '  evaluate:', `  ${line}\n  evaluate:`, message] as const,
  ),
  [
    'a monitor without room for any false alarm',
    '  evaluate:',
    '  monitor: { drift: { falseAlarmsPerYear: 0 } }\n  evaluate:',
    '20:23 spec.monitor.drift.falseAlarmsPerYear must be more than 0; expected the expected number of false alarms of the model in a year, above 0 and at most 1000, over all tests together: of drift and broken values, quality, service, volume and labels',
  ],
  [
    'another kind',
    'kind: ModelLifecycle',
    'kind: Prompt',
    '2:1 Prompt is not a lifecycle; expected one of ModelLifecycle, LlmLifecycle',
  ],
  [
    'an unknown kind',
    'kind: ModelLifecycle',
    'kind: ModelLifecylce',
    '2:1 kind cannot be "ModelLifecylce"; expected one of ModelLifecycle, LlmLifecycle; did you mean ModelLifecycle?',
  ],
  [
    'an unknown backend',
    'backend: local',
    'backend: locale',
    '19:16 spec.train.compute.backend cannot be "locale"; expected one of local, ray, slurm, kubernetes; did you mean local?',
  ],
  [
    'GPUs of the local machine',
    'backend: local',
    'gpus: 1',
    '19:16 spec.train.compute.gpus is only for the backends ray, slurm and kubernetes',
  ],
  ...(['local', 'ray', 'kubernetes'] as const).map((backend): [string, string, string, string] => [
    `several nodes of the backend ${backend}`,
    'backend: local',
    `backend: ${backend}, nodes: 2`,
    `19:${backend.length + 27} spec.train.compute.nodes is at most 1 with the backend ${backend}, which gives a job one node; expected backend: slurm, or nodes: 1`,
  ]),
  [
    'no nodes',
    'backend: local',
    'backend: slurm, nodes: 0',
    '19:32 spec.train.compute.nodes must be at least 1; expected the number of nodes that the job gets at once, from 1 to 64, each with these cpus, memory and gpus; more than 1 for the backend slurm and a trainer such as torch',
  ],
  [
    'a part of a node',
    'backend: local',
    'backend: slurm, nodes: 1.5',
    '19:32 spec.train.compute.nodes must be a whole number, not 1.5; expected the number of nodes that the job gets at once, from 1 to 64, each with these cpus, memory and gpus; more than 1 for the backend slurm and a trainer such as torch',
  ],
  [
    'an image of another engine',
    'backend: local',
    'backend: slurm, image: a',
    '19:32 spec.train.compute.image is only for the backend kubernetes',
  ],
  [
    'a job on an engine that is longer than its signed URLs',
    'backend: local',
    'backend: ray, timeout: 6d',
    '19:30 spec.train.compute.timeout is at most 5d with the backend ray',
  ],
  [
    'a queue of Ray',
    'backend: local',
    'backend: ray, queue: short',
    '19:30 spec.train.compute.queue is only for the backends slurm and kubernetes',
  ],
  [
    'postgres',
    's3://lake/orders.csv',
    'postgres://db/orders',
    '7:17 spec.data.sources.orders.uri has the scheme postgres://, which is not in this version',
  ],
  [
    'another apiVersion',
    'apiVersion: perennial.dev/v1',
    'apiVersion: perennial.dev/v2',
    '1:1 apiVersion cannot be "perennial.dev/v2"; expected perennial.dev/v1; did you mean perennial.dev/v1?',
  ],
  // Values.
  [
    'a name with capitals',
    'name: late-orders',
    'name: Late_Orders',
    '3:13 metadata.name cannot be "Late_Orders"; expected the name of the lifecycle and of its model: lower-case letters, digits and hyphens, 63 at most, beginning with a letter',
  ],
  [
    'a number for a text',
    'owner: ops@shop.example',
    'owner: 7',
    '3:32 metadata.owner must be text, not 7; expected the person or team responsible for the model, or their address',
  ],
  [
    'a text for a number',
    'min: 0.62',
    'min: "0.62"',
    '24:55 spec.evaluate.gates[0].min must be a number, not "0.62"; expected the smallest value that passes',
  ],
  [
    'a list for a map',
    'label: { column: late, availableAfter: 6h }',
    'label: [late]',
    '11:5 spec.data.label must be a map, not a list; expected the label: column and availableAfter',
  ],
  [
    'a map for a list',
    'metrics: [logloss, auc]',
    'metrics: { a: 1 }',
    '21:5 spec.evaluate.metrics must be a list, not a map; expected at least one metric',
  ],
  [
    'a fraction of a processor',
    'backend: local',
    'cpus: 1.5',
    '19:16 spec.train.compute.cpus must be a whole number, not 1.5; expected the number of CPUs, from 1 to 512',
  ],
  [
    'no processor',
    'backend: local',
    'cpus: 0',
    '19:16 spec.train.compute.cpus must be at least 1; expected the number of CPUs, from 1 to 512',
  ],
  [
    'an empty list of metrics',
    'metrics: [logloss, auc]',
    'metrics: []',
    '21:5 spec.evaluate.metrics must have at least 1 item; expected at least one metric',
  ],
  [
    'a duration in words',
    'window: 6mo',
    'window: 6 months',
    '12:33 spec.data.time.window cannot be "6 months"; expected the length of the data window, such as 6mo or 90d; did you mean 6mo?',
  ],
  [
    'an empty window',
    'window: 6mo',
    'window: 0d',
    '12:33 spec.data.time.window cannot be 0d; expected the length of the data window, such as 6mo or 90d',
  ],
  [
    'a window of more than 100 years',
    'window: 6mo',
    'window: 2000mo',
    '12:33 spec.data.time.window is longer than 100 years; expected the length of the data window, such as 6mo or 90d',
  ],
  [
    'months where days are meant',
    'tuning: 30d',
    'tuning: 1mo',
    '14:24 spec.data.split.tuning cannot be "1mo"; expected whole days for tuning, such as 30d',
  ],
  [
    'half a day',
    'tuning: 30d',
    'tuning: 36h',
    '14:24 spec.data.split.tuning cannot be 36h; expected whole days for tuning, such as 30d',
  ],
  [
    'weeks to read one source',
    '    limits: { size: 4GiB }',
    '    limits: { timeout: 30d }',
    '15:15 spec.data.limits.timeout cannot be 30d; expected the maximum time to read one source, such as 15m, at most 7d',
  ],
  [
    'a size in decimal units',
    'backend: local',
    'memory: 2GB',
    '19:16 spec.train.compute.memory cannot be "2GB"; expected the memory of the job, 64MiB or more, such as 2GiB; did you mean 2GiB?',
  ],
  [
    'too little memory',
    'backend: local',
    'memory: 1MiB',
    '19:16 spec.train.compute.memory cannot be 1MiB; expected the memory of the job, 64MiB or more, such as 2GiB',
  ],
  [
    'an end without its offset',
    'window: 6mo',
    'window: 6mo, until: 2013-07-01',
    '12:46 spec.data.time.until cannot be "2013-07-01"; expected the end of the window: latest, or a time with its offset such as 2013-07-01T00:00:00Z',
  ],
  [
    'a negative seed',
    '    params: { num_leaves: 63 }',
    '    seed: -1',
    '18:5 spec.train.seed must be at least 0; expected the random seed, a whole number from 0 to 2147483647',
  ],
  [
    'a confidence of 1',
    'margin: 0.004',
    'margin: 0.004, confidence: 1',
    '25:81 spec.evaluate.gates[1].confidence must be at most 0.9995; expected the confidence of each bound, above 0.5 and at most 0.9995; bounds resample whole days',
  ],
  [
    'a reserved column',
    'entity: customer',
    'entity: __row',
    '13:5 spec.data.entity cannot be "__row"; expected the key whose requests go to one version, such as a customer: the name of a column, not beginning with two underscores',
  ],
  [
    'one column in two roles',
    'entity: customer',
    'entity: late',
    '13:5 spec.data.entity is the same column as spec.data.label.column',
  ],
  // Sources.
  [
    'a source that cannot be a table',
    '      orders: {',
    '      Orders-1: {',
    '7:7 spec.data.sources.Orders-1 has a name that cannot be used; expected the name of the table in SQL: lower-case letters, digits and underscores, beginning with a letter',
  ],
  [
    'a password in a URI',
    's3://lake/orders.csv',
    'https://ops:hunter2@host/orders.csv',
    '7:17 spec.data.sources.orders.uri has a credential, which every reader of the lifecycle could see; expected a URI without user, password, token or signature',
  ],
  [
    'a signed link',
    's3://lake/orders.csv',
    'https://host/orders.csv?X-Amz-Signature=abc',
    '7:17 spec.data.sources.orders.uri has a credential, which every reader of the lifecycle could see; expected a URI without user, password, token or signature',
  ],
  [
    'an unknown scheme',
    's3://lake/orders.csv',
    'http://host/orders.csv',
    '7:17 spec.data.sources.orders.uri has the scheme http://, which is not supported; expected a URI that begins with sample:// file:// s3:// https:// dataset://; did you mean https://?',
  ],
  [
    'a source without a known format',
    's3://lake/orders.csv',
    's3://lake/orders',
    '7:7 spec.data.sources.orders has no format, and its URI has no known ending; expected format: parquet, csv or ndjson',
  ],
  [
    'a sample in another format',
    'time: seen_at',
    'format: csv, time: seen_at',
    '8:39 spec.data.sources.stock.format cannot be csv: sample:// tables are Parquet',
  ],
  // Files.
  [
    'a file outside the folder',
    'sql/features.sql',
    '../features.sql',
    '10:5 spec.data.features must stay inside the folder of the lifecycle; expected a relative path such as sql/assemble.sql',
  ],
  [
    'a file with an absolute path',
    'sql/features.sql',
    '/etc/passwd',
    '10:5 spec.data.features must stay inside the folder of the lifecycle; expected a relative path such as sql/assemble.sql',
  ],
  [
    'a missing file',
    'sql/features.sql',
    'sql/feature.sql',
    '10:5 spec.data.features: there is no file sql/feature.sql; did you mean sql/features.sql?',
  ],
  [
    'a folder',
    'sql/features.sql',
    'sql/',
    '10:5 spec.data.features is not a file path; expected the path of the SQL file that computes the features of one request row',
  ],
  // Contradictions between parts.
  [
    'a split that fills the window',
    'window: 6mo',
    'window: 75d',
    '14:5 spec.data.split takes 75 days, but the window of 75d has 75: no rows are left to train on; expected less than 75 days together, or a longer spec.data.time.window',
  ],
  [
    'a split at random beside a time',
    'split: { by: time, tuning: 30d, confirm: 15d, holdout: 30d }',
    'split: { by: random, tuning: 0.2, confirm: 0.1, holdout: 0.2 }',
    [
      '8:39 spec.data.sources.stock.time needs a window, but spec.data.time is missing; expected no time of a source, or spec.data.time',
      '14:14 spec.data.split.by is random, but spec.data.time is given; expected by: time, or no spec.data.time',
    ],
  ],
  [
    'a share of days',
    'holdout: 30d',
    'holdout: 0.2',
    '14:51 spec.data.split.holdout must be text, not 0.2; expected whole days of the holdout, such as 30d',
  ],
  [
    'a holdout too short for gates',
    'holdout: 30d',
    'holdout: 3d',
    // A week, and the day whose last rows have no label yet: they come after six hours.
    '14:51 spec.data.split.holdout has 3 days: the gate useful can never pass; expected at least 8 days',
  ],
  [
    'an empty list of gates without ungated',
    lifecycleText.slice(lifecycleText.indexOf('    gates:')),
    '    gates: []\n',
    '23:5 spec.evaluate has no gates; expected at least one gate, or ungated: "<reason>"',
  ],
  [
    'neither gates nor a reason',
    lifecycleText.slice(lifecycleText.indexOf('    gates:')),
    '',
    '20:3 spec.evaluate has no gates; expected at least one gate, or ungated: "<reason>"',
  ],
  [
    'a reason beside gates',
    '    gates:\n',
    '    ungated: why not\n    gates:\n',
    '23:5 spec.evaluate.ungated is not allowed beside gates',
  ],
  [
    'two gates of one name',
    'name: parity',
    'name: useful',
    '27:11 spec.evaluate.gates[3].name is useful, the same as spec.evaluate.gates[0]; expected a unique name',
  ],
  [
    'two parity gates',
    'name: slices, kind: slice, maxIncrease: 0.03',
    'name: again, kind: parity',
    '27:25 spec.evaluate.gates[3].kind repeats parity; expected one parity gate',
  ],
  [
    'an unknown gate',
    'kind: threshold',
    'kind: treshold',
    '24:25 spec.evaluate.gates[0].kind cannot be "treshold"; expected one of threshold, nonInferiority, superiority, slice, parity; did you mean threshold?',
  ],
  ['a gate without a kind', ' kind: parity', '', '27:9 spec.evaluate.gates[3].kind is missing'],
  [
    'a threshold without min and max',
    ', min: 0.62',
    '',
    '24:25 spec.evaluate.gates[0].kind is threshold, but neither min nor max is given; expected min or max',
  ],
  [
    'a threshold in percent',
    'min: 0.62',
    'min: 62',
    '24:55 spec.evaluate.gates[0].min cannot be 62: auc is between 0 and 1',
  ],
  [
    'a threshold the wrong way round',
    'min: 0.62',
    'min: 0.62, max: 0.5',
    '24:66 spec.evaluate.gates[0].max is below min, 0.62',
  ],
  [
    'a missing margin',
    ', margin: 0.004',
    '',
    '25:9 spec.evaluate.gates[1].margin is missing; expected the margin, above 0: the largest difference that counts as no worse',
  ],
  [
    'a margin of 0',
    'margin: 0.004',
    'margin: 0',
    '25:66 spec.evaluate.gates[1].margin must be more than 0; expected the margin, above 0: the largest difference that counts as no worse',
  ],
  [
    'a slice gate without slices',
    '    slices: { columns: [region], metric: logloss }\n',
    '',
    '25:25 spec.evaluate.gates[2].kind is slice, but spec.evaluate.slices is missing; expected slices: { columns: […], metric: … }',
  ],
  [
    'a metric of another task',
    'metrics: [logloss, auc]',
    'metrics: [logloss, rmse]',
    '21:24 spec.evaluate.metrics[1] cannot be rmse: spec.evaluate.gates[0].metric is for classification; expected one of logloss, auc, brier, accuracy',
  ],
  [
    'a metric of one class without the class',
    'metric: auc',
    'metric: recall',
    '24:42 spec.evaluate.gates[0].metric is recall, but class is missing; expected class: <a class of the label>',
  ],
  [
    'a class beside a metric over all classes',
    'metric: auc',
    'metric: auc, class: gale',
    '24:55 spec.evaluate.gates[0].class is gale, but auc is measured over all classes; expected no class, or the metric precision, recall, f1',
  ],
  [
    'a metric of one class outside gates',
    'metrics: [logloss, auc]',
    'metrics: [logloss, recall]',
    '21:24 spec.evaluate.metrics[1] cannot be recall, which is measured for every class without being listed; a gate may name it with its class',
  ],
  [
    'a metric twice',
    'metrics: [logloss, auc]',
    'metrics: [auc, auc]',
    '21:20 spec.evaluate.metrics lists auc twice',
  ],
  [
    'an unknown metric',
    'metric: auc',
    'metric: aux',
    '24:42 spec.evaluate.gates[0].metric cannot be "aux"; expected one of logloss, auc, brier, accuracy, f1_macro, f1_weighted, rmse, mae, r2, precision, recall, f1; did you mean auc?',
  ],
  [
    'NaN for a parameter',
    'num_leaves: 63',
    'num_leaves: .nan',
    '18:27 spec.train.params.num_leaves must be a finite number, not .nan',
  ],
  [
    'a newest event that no source could tell',
    ', time: seen_at',
    '',
    '12:5 spec.data.time.until is latest, but no source has a time column; expected spec.data.sources.orders.time, or an until such as 2013-07-01T00:00:00Z',
  ],
  [
    'parameters beyond measure',
    'num_leaves: 63',
    `blob: ${'x'.repeat(262_144)}`,
    '18:5 spec.train.params is 262,155 bytes of JSON; expected at most 256KiB',
  ],
];

describe('a lifecycle with one error', () => {
  test.each(singleErrors)('%s', (_name, part, otherwise, said) => {
    const [first, ...others] = refused(replaceOnce(lifecycleText, part, otherwise));
    const expected = typeof said === 'string' ? [said] : said;
    expect(first).toBe(`lifecycle.yaml:${expected[0] ?? ''}`);
    expect(others).toHaveLength(expected.length - 1);
  });

  test('no message contains a credential', () => {
    const secret = replaceOnce(
      lifecycleText,
      's3://lake/orders.csv',
      'https://ops:hunter2@host/o.csv?token=hunter3',
    );
    expect(JSON.stringify(read(secret))).not.toMatch(/hunter/);
  });

  test('a blue/green rollout shows no quality in a shadow that gets no labels', () => {
    const withCanary = (more: string) =>
      replaceOnce(
        replaceOnce(
          lifecycleText,
          'label: { column: late, availableAfter: 6h }',
          'label: { column: late, availableAfter: 6h, dependsOnPrediction: true }',
        ),
        '  evaluate:',
        `  canary: { method: blueGreen,${more} quality: { metric: logloss, margin: 0.01 } }\n  evaluate:`,
      );
    const why =
      'spec.canary.requireShadow needs quality in shadow, but labels depend on the returned prediction, so a shadow gets no labels; expected requireShadow: false, or method: canary';
    expect(refused(withCanary(''))).toEqual([`lifecycle.yaml:20:3 ${why}`]);
    expect(refused(withCanary(' requireShadow: true,'))).toEqual([`lifecycle.yaml:20:32 ${why}`]);
    expect(accepted(withCanary(' requireShadow: false,')).spec).toMatchObject({
      canary: { requireShadow: false },
    });
  });

  test('a bandit needs labels that do not depend on the returned prediction', () => {
    const canary = (of: string) =>
      replaceOnce(
        of,
        '  evaluate:',
        '  canary: { method: bandit, quality: { metric: logloss, margin: 0.01 } }\n  evaluate:',
      );
    expect(accepted(canary(lifecycleText)).spec).toMatchObject({
      canary: { method: 'bandit', steps: [5, 95] },
    });
    const dependent = replaceOnce(
      lifecycleText,
      'label: { column: late, availableAfter: 6h }',
      'label: { column: late, availableAfter: 6h, dependsOnPrediction: true }',
    );
    expect(refused(canary(dependent))).toEqual([
      'lifecycle.yaml:20:13 spec.canary.method is bandit, but labels depend on the returned prediction: each version is then measured on its own requests, and moving shares give the versions different days; expected method: ab, whose shares are fixed',
    ]);
  });

  test('metrics must fit spec.train.task', () => {
    const said = refused(
      replaceOnce(lifecycleText, 'trainer: lightgbm', 'trainer: lightgbm\n    task: regression'),
    );
    expect(said).toHaveLength(5);
    expect(said[0]).toBe(
      'lifecycle.yaml:22:15 spec.evaluate.metrics[0] cannot be logloss: spec.train.task is regression; expected one of rmse, mae, r2',
    );
  });

  test('gates may use a metric of one class of a multiclass model', () => {
    const gate = '{ name: useful, kind: threshold, metric: auc, min: 0.62 }';
    const multiclass = replaceOnce(
      replaceOnce(lifecycleText, 'metrics: [logloss, auc]', 'metrics: [logloss]'),
      'trainer: lightgbm',
      'trainer: lightgbm\n    task: multiclass',
    );
    const withGate = (written: string) => replaceOnce(multiclass, gate, written);
    const { gates } = accepted(
      withGate('{ name: three, kind: threshold, metric: recall, class: 3, min: 0.6 }'),
    ).spec.evaluate;
    expect(gates[0]).toMatchObject({ metric: 'recall', class: '3', min: 0.6 });
    expect(refused(withGate('{ name: r, kind: threshold, metric: f1, class: a, min: 2 }'))).toEqual(
      ['lifecycle.yaml:25:59 spec.evaluate.gates[0].min cannot be 2: f1 is between 0 and 1'],
    );
    expect(
      refused(
        replaceOnce(
          lifecycleText,
          'metric: logloss, margin: 0.004',
          'metric: recall, class: gale, margin: 0.004',
        ),
      ),
    ).toEqual([
      'lifecycle.yaml:25:49 spec.evaluate.gates[1].metric cannot be recall: spec.evaluate.metrics[1] is for classification; expected one of logloss, auc, brier, accuracy',
    ]);
  });

  test('the first candidate needs an absolute gate or a baseline', () => {
    const loose = replaceOnce(
      replaceOnce(lifecycleText, 'margin: 0.004', 'margin: 0.004, whenAbsent: notApplicable'),
      '      - { name: useful, kind: threshold, metric: auc, min: 0.62 }\n',
      '',
    );
    expect(refused(loose)).toEqual([
      'lifecycle.yaml:24:81 spec.evaluate.gates[0].whenAbsent is notApplicable, but no threshold gate applies to the first candidate; expected a threshold gate, or whenAbsent: baseline',
    ]);
    expect(
      refused(
        replaceOnce(lifecycleText, 'margin: 0.004', 'margin: 0.004, whenAbsent: notApplicable'),
      ),
    ).toEqual([]);
  });

  test('gates may be omitted with a reason in ungated', () => {
    const gates = lifecycleText.slice(lifecycleText.indexOf('    gates:'));
    expect(
      accepted(replaceOnce(lifecycleText, gates, '    gates: []\n    ungated: a throwaway\n')).spec
        .evaluate,
    ).toMatchObject({
      gates: [],
      ungated: 'a throwaway',
    });
  });
});

describe('several errors', () => {
  test('are listed at once in the order of lines', () => {
    const parts: readonly (readonly [string, string])[] = [
      ['owner: ops@shop.example', 'owner: 7'],
      ['assemble: sql', 'asemble: sql'],
      ['window: 6mo', 'window: 6 months'],
      ['num_leaves: 63', 'num_leaves: .inf'],
      ['  evaluate:', '  canary: {}\n  evaluate:'],
      ['margin: 0.004', 'margin: -1'],
      ['name: parity', 'name: useful'],
    ];
    const broken = parts.reduce(
      (text, [part, otherwise]) => replaceOnce(text, part, otherwise),
      lifecycleText,
    );
    const files = {
      ...lifecycleFiles,
      'contracts/orders.yaml': replaceOnce(
        contractText,
        'otherColumns: allow',
        'otherColumns: alow',
      ),
    };
    expect(refused(broken, files).map((line) => line.split(' ').slice(0, 4).join(' '))).toEqual([
      'lifecycle.yaml:3:32 metadata.owner must be',
      'lifecycle.yaml:9:5 unknown key spec.data.asemble;',
      'lifecycle.yaml:12:33 spec.data.time.window cannot be',
      'lifecycle.yaml:18:27 spec.train.params.num_leaves must be',
      'lifecycle.yaml:20:3 spec.canary.quality is missing;',
      'lifecycle.yaml:26:66 spec.evaluate.gates[1].margin must be',
      'lifecycle.yaml:28:11 spec.evaluate.gates[3].name is useful,',
      'contracts/orders.yaml:3:1 otherColumns cannot be',
    ]);
  });

  test('are cut after 100', () => {
    const keys = Array.from({ length: 150 }, (_, i) => `  q${i}z: 1\n`).join('');
    const said = refused(replaceOnce(lifecycleText, '  data:\n', `${keys}  data:\n`));
    expect(said).toHaveLength(101);
    expect(said.at(-1)).toBe('and 50 more');
  });

  test('have JSON pointers', () => {
    const parsed = read(replaceOnce(lifecycleText, 'min: 0.62', 'mim: 0.62'));
    expect(parsed.ok ? [] : parsed.issues).toContainEqual({
      pointer: '/spec/evaluate/gates/0/mim',
      detail: 'unknown key spec.evaluate.gates[0].mim',
      file: 'lifecycle.yaml',
      line: 24,
      column: 55,
      didYouMean: 'min',
    });
  });

  test('of an object have the same text without a line', () => {
    const object = parse(replaceOnce(lifecycleText, 'window: 6mo', 'windw: 6mo')) as unknown;
    expect(refused(object)).toEqual([
      'lifecycle.yaml unknown key spec.data.time.windw; did you mean window?',
    ]);
  });
});

describe('a file that the lifecycle names', () => {
  const withFile = (path: string, text: string) =>
    refused(lifecycleText, { ...lifecycleFiles, [path]: text });

  test.each([
    ['empty', ' \n', ': the file sql/assemble.sql is empty'],
    ['a binary', 'SELECT\0', ': the file sql/assemble.sql is not a text file'],
    [
      'larger than a megabyte',
      '-'.repeat((1 << 20) + 1),
      ': the file sql/assemble.sql is larger than 1 MiB',
    ],
  ])('is refused when %s', (_name, text, expected) => {
    expect(withFile('sql/assemble.sql', text)).toEqual([
      `lifecycle.yaml:9:5 spec.data.assemble${expected}`,
    ]);
  });

  test('has its own places when it is a contract', () => {
    expect(
      withFile(
        'contracts/orders.yaml',
        replaceOnce(contractText, 'region: { type: string,', 'region: { typ: string,'),
      ),
    ).toEqual(['contracts/orders.yaml:5:13 unknown key columns.region.typ; did you mean type?']);
    expect(withFile('contracts/orders.yaml', 'a: 1\n\tb: 2\n')).toEqual([
      'contracts/orders.yaml:2:1 this line is indented with a tab; YAML needs spaces',
    ]);
  });

  test('is reported once when two sources name the same invalid contract', () => {
    const broken = replaceOnce(contractText, 'region: { type: string,', 'region: { typ: string,');
    expect(refused(shared, { ...lifecycleFiles, 'contracts/orders.yaml': broken })).toEqual([
      'contracts/orders.yaml:5:13 unknown key columns.region.typ; did you mean type?',
    ]);
  });

  test('is an error when it is a missing contract', () => {
    const unknown = replaceOnce(
      lifecycleText,
      'time: seen_at',
      'time: seen_at, contract: contracts/stok.yaml',
    );
    expect(refused(unknown)).toEqual([
      'lifecycle.yaml:8:54 spec.data.sources.stock.contract: there is no file contracts/stok.yaml; did you mean contracts/orders.yaml?',
    ]);
  });
});

const shared = replaceOnce(
  lifecycleText,
  'time: seen_at',
  'time: seen_at, contract: contracts/orders.yaml',
);

describe('the contracts of a lifecycle', () => {
  test('may be one file for two sources', () => {
    const { contracts, paths } = accepted(shared);
    expect(Object.keys(contracts)).toEqual(['orders', 'stock']);
    expect(contracts['stock']).toEqual(contracts['orders']);
    expect(paths).toEqual(['sql/assemble.sql', 'sql/features.sql', 'contracts/orders.yaml']);
  });

  test('may be different files', () => {
    const two = replaceOnce(
      lifecycleText,
      'time: seen_at',
      'time: seen_at, contract: contracts/stock.yaml',
    );
    const stock = `${contractText}rows: { min: 7 }\n`;
    const { contracts, spec, paths } = accepted(two, {
      ...lifecycleFiles,
      'contracts/stock.yaml': stock,
    });
    expect(contracts).toMatchObject({ orders: { rows: { min: 1 } }, stock: { rows: { min: 7 } } });
    expect(paths).toContain('contracts/stock.yaml');
    expect(
      accepted(toDocument(spec), { ...lifecycleFiles, 'contracts/stock.yaml': stock }),
    ).toEqual({ ok: true, spec, contracts, paths });
  });

  test('are optional', () => {
    const without = replaceOnce(lifecycleText, ', contract: contracts/orders.yaml', '');
    expect(accepted(without)).toMatchObject({
      contracts: {},
      paths: ['sql/assemble.sql', 'sql/features.sql'],
    });
  });

  test('are an error at spec.data.contract', () => {
    const old = replaceOnce(
      lifecycleText,
      '    limits:',
      '    contract: contracts/orders.yaml\n    limits:',
    );
    expect(refused(old)).toEqual([
      'lifecycle.yaml:15:5 spec.data.contract is not supported: each source has its own contract; expected contract: contracts/orders.yaml under spec.data.sources.<source>',
    ]);
  });

  test('do not name their source', () => {
    const old = replaceOnce(contractText, 'otherColumns: allow', 'dataset: orders');
    expect(refused(lifecycleText, { ...lifecycleFiles, 'contracts/orders.yaml': old })).toEqual([
      'contracts/orders.yaml:3:1 remove dataset: each source of lifecycle.yaml names its contract',
    ]);
  });

  test('are an error for the sources of a language application', () => {
    const { 'lifecycle.yaml': document = '', ...files } = llmLifecycleTemplate({
      name: 'helper',
      index: true,
    });
    const issues = refused(document.replace(/(\{ uri: [^}]*) \}/, '$1, contract: a.yaml }'), files);
    expect(issues.join()).toMatch(/unknown key spec\.data\.sources\.\w+\.contract/);
  });
});

test.each<[string, unknown, string]>([
  [
    'text',
    'just words',
    'lifecycle.yaml:1:1 lifecycle.yaml must be a map with apiVersion, kind, metadata and spec',
  ],
  [
    'a list',
    [1, 2],
    'lifecycle.yaml lifecycle.yaml must be a map with apiVersion, kind, metadata and spec',
  ],
  [
    'nothing',
    null,
    'lifecycle.yaml lifecycle.yaml must be a map with apiVersion, kind, metadata and spec',
  ],
  ['not text', '', 'lifecycle.yaml lifecycle.yaml is empty'],
])('%s is not a lifecycle', (_name, document, said) => {
  expect(refused(document)).toEqual([said]);
});

test('an error carries every issue and the next step', () => {
  const parsed = read(replaceOnce(lifecycleText, 'window: 6mo', 'windw: 6mo'));
  const error = invalidInput(
    'lifecycle.yaml',
    parsed.ok ? [] : parsed.issues,
    'perennial lifecycle validate .',
  );
  expect(error).toMatchObject({ type: 'InvalidInput', next: 'perennial lifecycle validate .' });
  expect(error.message).toBe(
    'lifecycle.yaml has 1 error\n  lifecycle.yaml:12:33 unknown key spec.data.time.windw; did you mean window?',
  );
});

test('the sample is a valid lifecycle', () => {
  const folder = join(__dirname, '..', '..', '..', 'samples', 'flight-delay');
  const text = (path: string): string => readFileSync(join(folder, path), 'utf8');
  const files = Object.fromEntries(
    [
      'sql/assemble.sql',
      'sql/features.sql',
      'contracts/flights.yaml',
      'contracts/weather.yaml',
    ].map((path) => [path, text(path)]),
  );
  const sample = accepted(text('lifecycle.yaml'), files);
  expect(sample.spec.name).toBe('flight-delay');
  expect(Object.keys(sample.contracts)).toEqual(['flights', 'weather']);
});
