import { llmLifecycleTemplate } from '../../../../domain/lifecycle/llm/template';
import type { ApiWorld } from '../support/api-world';
import { lifecycleBody, openApiWorld } from '../support/api-world';
import { fakeSchedules } from '../support/fake-schedules';

let world: ApiWorld;
const schedules = fakeSchedules();
beforeAll(async () => {
  world = await openApiWorld(undefined, schedules, {
    providers: ['embedded'],
    file: null,
    models: () => Promise.resolve(['another']),
  });
});
afterAll(() => world.close());

const put = (
  name: string,
  change?: (document: string) => string,
  as: 'operator' | 'approver' = 'operator',
) => world.call('PUT', `/lifecycles/${name}`, { as, body: lifecycleBody(name, change) });

/** The first place of this text in the sample. */
const findLine = (words: string): number =>
  lifecycleBody('bad')
    .document.split('\n')
    .findIndex((line) => line.includes(words)) + 1;

describe('a lifecycle', () => {
  test('is applied with its files, and applying it again changes nothing', async () => {
    const first = await put('flights');
    expect(first).toMatchObject({
      status: 200,
      body: { lifecycle: 'flights', revision: 1, changed: true },
    });
    expect(await put('flights')).toMatchObject({
      body: { revision: 1, changed: false, digest: first.body['digest'] },
    });
    // A comment does not change the meaning.
    expect(await put('flights', (text) => `# a comment\n${text}`)).toMatchObject({
      body: { revision: 1, changed: false },
    });

    const { body } = await world.call<{
      files: Record<string, Parameters<typeof world.artifacts.getBytes>[0]>;
    }>('GET', '/lifecycles/flights');
    expect(Object.keys(body.files).sort()).toEqual([
      'contracts/flights.yaml',
      'contracts/weather.yaml',
      'sql/assemble.sql',
      'sql/features.sql',
    ]);
    const stored = body.files['sql/features.sql'];
    const text = stored && Buffer.from(await world.artifacts.getBytes(stored)).toString();
    expect(text).toBe(lifecycleBody('flights').files['sql/features.sql']);
  });

  test('of a language application is applied with a warning if its model is not available', async () => {
    const { 'lifecycle.yaml': document, ...files } = llmLifecycleTemplate({ name: 'helper' });
    const body = { document, files };
    const warnings = [
      expect.stringMatching(
        /^lifecycle\.yaml:\d+:\d+ embedded lists no model .*; expected one of another/,
      ),
    ];
    expect(
      await world.call('POST', '/lifecycles/helper/plan', { as: 'viewer', body }),
    ).toMatchObject({ status: 200, body: { warnings } });
    expect(await world.call('PUT', '/lifecycles/helper', { as: 'operator', body })).toMatchObject({
      status: 200,
      body: { revision: 1, warnings },
    });
    expect(await put('unasked')).toMatchObject({ body: { warnings: [] } });
  });

  test('is planned and applied with what a bandit gives up', async () => {
    const moving = (text: string): string =>
      text.replace('steps: [0, 5, 25, 50]', 'method: bandit\n    steps: [10, 80]');
    const warnings = [
      expect.stringMatching(
        /^spec\.canary\.method is bandit: .* between 10 % and 80 %; entities change version during the rollout; .*; quality is shown no sooner than at a fixed share, because both versions score every request; no share moves before/,
      ),
    ];
    const body = lifecycleBody('moving', moving);
    expect(
      await world.call('POST', '/lifecycles/moving/plan', { as: 'viewer', body }),
    ).toMatchObject({ status: 200, body: { warnings } });
    expect(await put('moving', moving)).toMatchObject({ status: 200, body: { warnings } });
  });

  test('is planned and applied with a warning if sources may not read a file', async () => {
    const outside = (text: string): string =>
      text.replace('sample://weather', 'file:///nowhere/weather.parquet');
    const warnings = [
      expect.stringMatching(
        /^lifecycle\.yaml:\d+:\d+ the file is outside of the folders that sources may read/,
      ),
    ];
    const body = lifecycleBody('outside', outside);
    expect(
      await world.call('POST', '/lifecycles/outside/plan', { as: 'viewer', body }),
    ).toMatchObject({ status: 200, body: { warnings } });
    expect(await put('outside', outside)).toMatchObject({ status: 200, body: { warnings } });
  });

  test.each([
    [
      '{ env: AWS_SECRET_ACCESS_KEY }',
      'lifecycles may not read the variable AWS_SECRET_ACCESS_KEY',
    ],
    [
      '{ file: /run/secrets/../state/key }',
      'lifecycles may not read the file /run/secrets/../state/key',
    ],
  ])('is neither planned nor applied with the secret %s', async (secret, message) => {
    const body = lifecycleBody(
      'oracle',
      (text) => `${text}  notify: [{ webhook: 'https://hooks.example/x', secret: ${secret} }]\n`,
    );
    const errors = [
      { pointer: '/spec/notify/0/secret', detail: `spec.notify.0.secret: ${message}` },
    ];
    const refused = { status: 422, body: { errors } };
    expect(
      await world.call('POST', '/lifecycles/oracle/plan', { as: 'viewer', body }),
    ).toMatchObject(refused);
    expect(await world.call('PUT', '/lifecycles/oracle', { as: 'operator', body })).toMatchObject(
      refused,
    );
  });

  test('is neither planned nor applied with a gate against a version that does not exist', async () => {
    const anchored = (text: string): string =>
      text.replace(
        'gates:\n',
        'gates:\n      - { name: anchor, kind: nonInferiority, metric: logloss, against: { version: 3 }, margin: 0.01 }\n',
      );
    const body = lifecycleBody('anchored', anchored);
    const detail = 'spec.evaluate.gates[0].against: there is no anchored@3';
    const refused = {
      status: 422,
      body: { errors: [{ pointer: '/spec/evaluate/gates/0/against/version', detail }] },
    };
    expect(
      await world.call('POST', '/lifecycles/anchored/plan', { as: 'viewer', body }),
    ).toMatchObject(refused);
    expect(await world.call('PUT', '/lifecycles/anchored', { as: 'operator', body })).toMatchObject(
      refused,
    );
    // Reported together with other errors.
    const mistyped = lifecycleBody('anchored', (text) =>
      anchored(text).replace('trainer: lightgbm', 'trainer: lightgmb'),
    );
    const { body: both } = await world.call<{ errors: { pointer: string }[] }>(
      'PUT',
      '/lifecycles/anchored',
      {
        as: 'operator',
        body: mistyped,
      },
    );
    expect(both.errors.map(({ pointer }) => pointer).sort()).toEqual([
      '/spec/evaluate/gates/0/against/version',
      '/spec/train/trainer',
    ]);
  });

  test('is neither planned nor applied with a warm start from a run that does not exist', async () => {
    const body = lifecycleBody('warm', (text) =>
      text.replace(/^ {2}tune:.*$/m, '$&\n    warmStart: { from: run_0 }'),
    );
    const detail = 'spec.tune.warmStart.from names run_0, which does not exist';
    const refused = {
      status: 422,
      body: { errors: [{ pointer: '/spec/tune/warmStart/from', detail }] },
    };
    expect(await world.call('POST', '/lifecycles/warm/plan', { as: 'viewer', body })).toMatchObject(
      refused,
    );
    expect(await world.call('PUT', '/lifecycles/warm', { as: 'operator', body })).toMatchObject(
      refused,
    );
  });

  test('is neither planned nor applied with a project build that no worker could run it with', async () => {
    const { body: stored } = await world.call<{ digest: string }>('POST', '/projects/shop/builds', {
      as: 'admin',
      body: { lifecycles: ['programmed'], workflows: 'exports.programmed = 0;', stages: '' },
    });
    const none = `sha256:${'0'.repeat(64)}`;
    const programmed = (name: string, build: string) =>
      lifecycleBody(name, (text) =>
        text.replace(
          '  train:',
          `  program:
    project: shop
    build: "${build}"
    params: null
    stages: {}
    steps: {}
    files: {}
    environment: null
  train:`,
        ),
      );
    const refused = (detail: string) => ({
      status: 422,
      body: {
        errors: [{ pointer: '/spec/program/build', detail: `spec.program.build: ${detail}` }],
      },
    });
    const unknown = refused(`project shop has no build ${none}`);
    const body = programmed('programmed', none);
    expect(
      await world.call('POST', '/lifecycles/programmed/plan', { as: 'viewer', body }),
    ).toMatchObject(unknown);
    expect(await world.call('PUT', '/lifecycles/programmed', { body })).toMatchObject(unknown);
    expect(
      await world.call('PUT', '/lifecycles/other', { body: programmed('other', stored.digest) }),
    ).toMatchObject(refused(`build ${stored.digest} of project shop has only programmed`));
    expect(
      await world.call('PUT', '/lifecycles/programmed', {
        body: programmed('programmed', stored.digest),
      }),
    ).toMatchObject({ status: 200, body: { revision: 1 } });
  });

  test('is not applied with a schedule whose runs would lack a parameter', async () => {
    const { body: stored } = await world.call<{ digest: string }>('POST', '/projects/shop/builds', {
      as: 'admin',
      body: { lifecycles: ['timed'], workflows: 'exports.timed = 0;', stages: '' },
    });
    const timed = (params: string) =>
      lifecycleBody('timed', (text) =>
        text.replace(
          '  train:',
          `  schedule: { cron: '0 3 * * *' }
  program:
    project: shop
    build: "${stored.digest}"
    params: { type: object, ${params} }
    stages: {}
    steps: {}
    files: {}
    environment: null
  train:`,
        ),
      );
    expect(
      await world.call('PUT', '/lifecycles/timed', {
        body: timed('properties: { shop: { type: string } }, required: [shop]'),
      }),
    ).toMatchObject({
      status: 422,
      body: {
        errors: [
          {
            pointer: '/spec/schedule',
            detail: expect.stringContaining('no parameters, but params.shop: ') as string,
          },
        ],
      },
    });
    const body = timed('properties: { shop: { type: string, default: north } }');
    expect(await world.call('PUT', '/lifecycles/timed', { body })).toMatchObject({ status: 200 });
  });

  test('starts no run while archived, is listed separately, and can be restored or deleted', async () => {
    await put('retired');
    const reason = { reason: 'replaced' };
    const call = (path: string, body: object = reason, as: 'operator' | 'admin' = 'operator') =>
      world.call('POST', `/lifecycles/retired/${path}`, { as, body });
    const names = async (query: string): Promise<readonly string[]> => {
      const { body } = await world.call<{ items: { name: string }[] }>(
        'GET',
        `/lifecycles?pageSize=200${query}`,
        { as: 'viewer' },
      );
      return body.items.map(({ name }) => name);
    };
    expect(await call('delete', reason, 'admin')).toMatchObject({ status: 409 });
    expect(await call('archive')).toMatchObject({
      status: 200,
      body: { archived: { by: 'operator', reason: 'replaced' }, champion: null },
    });
    expect(schedules.synced.at(-1)).toMatchObject({ lifecycle: 'retired', schedule: null });
    expect(await call('runs', {})).toMatchObject({
      status: 409,
      body: { next: expect.stringContaining('lifecycle unarchive retired') as string },
    });
    expect(await put('retired')).toMatchObject({ status: 409 });
    expect(
      await world.call('POST', '/lifecycles/retired/plan', {
        as: 'viewer',
        body: lifecycleBody('retired'),
      }),
    ).toMatchObject({
      status: 200,
      body: {
        warnings: expect.arrayContaining([
          expect.stringContaining('retired is archived'),
        ]) as unknown,
      },
    });
    expect(await names('')).not.toContain('retired');
    expect(await names('&archived=true')).toContain('retired');
    expect(await call('unarchive')).toMatchObject({ status: 200, body: { archived: null } });
    expect(await names('')).toContain('retired');
    await call('archive');
    expect(await call('delete', reason, 'admin')).toMatchObject({
      status: 200,
      body: { deletedAt: expect.any(String) as string },
    });
    expect(await world.call('GET', '/lifecycles/retired')).toMatchObject({ status: 404 });
  });

  test('gets a new revision for each change, and the old number for old content', async () => {
    await put('steps');
    const more = (text: string): string => text.replace('num_leaves: 15', 'num_leaves: 31');
    expect(await put('steps', more)).toMatchObject({ body: { revision: 2, changed: true } });
    expect(await put('steps')).toMatchObject({ body: { revision: 1, changed: true } });
    const { body } = await world.call<{ items: object[] }>('GET', '/lifecycles/steps/revisions', {
      as: 'viewer',
    });
    expect(body.items).toMatchObject([
      { revision: 2, appliedBy: 'operator' },
      { revision: 1, appliedBy: 'operator' },
    ]);
    expect(await world.call('GET', '/lifecycles')).toMatchObject({ status: 200 });
    expect(await world.call('GET', '/lifecycles/nosuch/revisions')).toMatchObject({ status: 404 });
  });

  test('can be planned by a viewer before it is applied', async () => {
    await put('planned');
    const changed = lifecycleBody('planned', (text) =>
      text.replace('num_leaves: 15', 'num_leaves: 31'),
    );
    const plan = await world.call<{ lines: string[] }>('POST', '/lifecycles/planned/plan', {
      as: 'viewer',
      body: changed,
    });
    expect(plan).toMatchObject({
      status: 200,
      body: {
        changed: true,
        current: { revision: 1 },
        changes: [{ what: 'spec.train.params.num_leaves', before: 15, after: 31 }],
      },
    });
    expect(plan.body.lines.join('\n')).toMatch(/train +runs/);
    expect(
      await world.call('POST', '/lifecycles/planned/plan', { body: lifecycleBody('planned') }),
    ).toMatchObject({
      body: { changed: false },
    });
    expect(
      await world.call('POST', '/lifecycles/unborn/plan', { body: lifecycleBody('unborn') }),
    ).toMatchObject({
      body: { current: null },
    });
    expect(await world.call('GET', '/lifecycles/unborn')).toMatchObject({ status: 404 });
  });

  test('is refused with the places in its files if its SQL is not allowed', async () => {
    const body = lifecycleBody('sql');
    const files = {
      ...body.files,
      'sql/assemble.sql': 'SELEC 1',
      'sql/features.sql': 'SELECT avg(distance) AS d FROM request',
    };
    const answer = await world.call('PUT', '/lifecycles/sql', {
      as: 'operator',
      body: { ...body, files },
    });
    expect(answer).toMatchObject({
      status: 422,
      body: {
        code: 'InvalidInput',
        errors: [
          { pointer: '/spec/data/assemble', file: 'sql/assemble.sql', line: 1, column: 1 },
          { pointer: '/spec/data/features', file: 'sql/features.sql', line: 1, column: 8 },
        ],
      },
    });
    expect(await world.call('GET', '/lifecycles/sql')).toMatchObject({ status: 404 });
  });

  test.each<[string, (text: string) => string, object]>([
    [
      'an unknown key',
      (text) => text.replace('metrics:', 'metric:'),
      { pointer: '/spec/evaluate/metric', line: findLine('metrics:'), didYouMean: 'metrics' },
    ],
    [
      'an unknown trainer',
      (text) => text.replace('lightgbm', 'lightgmb'),
      {
        pointer: '/spec/train/trainer',
        line: findLine('trainer: lightgbm'),
        didYouMean: 'lightgbm',
      },
    ],
    [
      'a parameter that the trainer does not know',
      (text) => text.replace('num_leaves', 'num_leavs'),
      {
        pointer: '/spec/train/params/num_leavs',
        line: findLine('num_leaves'),
        didYouMean: 'num_leaves',
      },
    ],
    [
      'another name',
      (text) => text.replace('name: bad', 'name: other'),
      { pointer: '/metadata/name', line: 5 },
    ],
    [
      'a file that was not sent',
      (text) => text.replace('sql/features.sql', 'sql/feature.sql'),
      { didYouMean: 'sql/features.sql' },
    ],
    [
      'an unknown key of the monitor',
      (text) => `${text}\n  monitor: { evry: 15m }\n`,
      { detail: 'unknown key spec.monitor.evry' },
    ],
    ['invalid YAML', () => 'a: [1', {}],
  ])('with %s is refused with file, line and suggestion', async (_, change, issue) => {
    const answer = await put('bad', change);
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'InvalidInput', errors: [{ file: 'lifecycle.yaml', ...issue }] },
    });
    expect(await world.call('GET', '/lifecycles/bad')).toMatchObject({ status: 404 });
  });

  test('is checked against the columns of its sources for operators, but not for viewers', async () => {
    const body = lifecycleBody('bound');
    const wrong = {
      ...body,
      files: { ...body.files, 'sql/features.sql': 'SELECT distanc FROM request' },
    };
    const refused = {
      status: 422,
      body: {
        errors: [
          {
            pointer: '/spec/data/features',
            file: 'sql/features.sql',
            line: 1,
            column: 8,
            didYouMean: 'distance',
          },
        ],
      },
    };
    expect(
      await world.call('POST', '/lifecycles/bound/plan', { as: 'operator', body: wrong }),
    ).toMatchObject(refused);
    expect(
      await world.call('PUT', '/lifecycles/bound', { as: 'operator', body: wrong }),
    ).toMatchObject(refused);
    expect(
      await world.call('POST', '/lifecycles/bound/plan', { as: 'viewer', body: wrong }),
    ).toMatchObject({ status: 200 });
  });

  test('reports all errors together', async () => {
    const answer = await put('bad', (text) =>
      text
        .replace('metrics:', 'metric:')
        .replace('window: 12mo', 'window: 12months')
        .replace('auc, min: 0.62', 'auc'),
    );
    expect((answer.body['errors'] as unknown[]).length).toBe(3);
    expect(answer.body['detail']).toBe('lifecycle.yaml has 3 errors');
  });

  test('without gates needs an approver', async () => {
    const ungated = (text: string): string =>
      text
        .replace(/ {4}gates:\n( {6,}.*\n)+/, '    gates: []\n    ungated: an experiment\n')
        .replace(/ {4}slices:.*\n/, '');
    expect(await put('free', ungated)).toMatchObject({ status: 403, body: { code: 'Forbidden' } });
    expect(await put('free', ungated, 'approver')).toMatchObject({ status: 200 });
    const audit = await world.call<{ items: object[] }>('GET', '/audit?subject=lifecycle:free');
    expect(audit.body.items).toMatchObject([{ action: 'lifecycle.apply', actor: 'approver' }]);
  });

  test('may be sent as an object', async () => {
    const { files } = lifecycleBody('object');
    const document = {
      apiVersion: 'perennial.dev/v1',
      kind: 'ModelLifecycle',
      metadata: { name: 'object', owner: 'ops' },
      spec: {
        data: {
          sources: {
            flights: { uri: 'sample://flights', time: 'time_hour' },
            weather: { uri: 'sample://weather', time: 'time_hour' },
          },
          assemble: 'sql/assemble.sql',
          features: 'sql/features.sql',
          label: { column: 'late' },
          time: { column: 'scheduled_at', window: '6mo' },
          split: { by: 'time', tuning: '30d', confirm: '15d', holdout: '30d' },
        },
        train: { trainer: 'logistic' },
        evaluate: {
          metrics: ['auc'],
          gates: [{ name: 'useful', kind: 'threshold', metric: 'auc', min: 0.6 }],
        },
      },
    };
    expect(
      await world.call('PUT', '/lifecycles/object', { body: { document, files } }),
    ).toMatchObject({
      status: 200,
      body: { revision: 1 },
    });
  });
});
