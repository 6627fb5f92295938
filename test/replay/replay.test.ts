import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { workflowBundle } from '../../workers/temporal/bundle';
import * as workflows from '../../workflows';
import { historiesFolder, replay, typeIn, type ReplayErrors } from '../support/replay-histories';

const recorded = readdirSync(historiesFolder, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.json') && dirname(file) !== 'project',
);

beforeAll(() => void Runtime.install({ logger: new DefaultLogger('ERROR') }));

/**
 * Current workflow code must follow the path that these runs took; CONTRIBUTING.md says how a
 * workflow is changed.
 */
describe('recorded histories', () => {
  test('include every workflow type, so that no workflow changes unnoticed', () => {
    expect([...new Set(recorded.map(typeIn))].sort()).toEqual(Object.keys(workflows).sort());
  });

  let errors: ReplayErrors;
  beforeAll(async () => {
    errors = await replay(recorded, await workflowBundle());
  }, 300_000);

  test.each(recorded)('%s replays', (file) => {
    expect(errors.get(file)).toBeNull();
  });
});

describe('the workflow bundle', () => {
  test('contains no dependency of Perennial except the Temporal SDK', async () => {
    const { codePath } = await workflowBundle();
    const code = readFileSync(codePath, 'utf8');
    const bundled = new Set(
      [...code.matchAll(/node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\//g)].map(([, name = '']) => name),
    );
    expect(bundled).toContain('@temporalio/workflow');
    expect(libraries.filter((name) => bundled.has(name))).toEqual([]);
    expect(code).toContain('modelLifecycle');
  });
});

const allowed = ['@temporalio/workflow', '@temporalio/common'];
const { dependencies } = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'),
) as { readonly dependencies: Readonly<Record<string, string>> };
const libraries = Object.keys(dependencies).filter((name) => !allowed.includes(name));
