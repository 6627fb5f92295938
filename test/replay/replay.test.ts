import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../workers/temporal/bundle';
import * as workflows from '../../workflows';

const histories = join(__dirname, 'histories');
const recorded = readdirSync(histories, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.json'),
);

beforeAll(() => void Runtime.install({ logger: new DefaultLogger('ERROR') }));

interface RecordedHistory {
  readonly workflowId: string;
  readonly history: unknown;
}

/**
 * Current workflow code must follow the path that these runs took; CONTRIBUTING.md says how a
 * workflow is changed.
 */
describe('recorded histories', () => {
  test('include every workflow type, so that no workflow changes unnoticed', () => {
    const typeIn = (file: string) =>
      firstEventOf(file).workflowExecutionStartedEventAttributes.workflowType.name;
    expect([...new Set(recorded.map(typeIn))].sort()).toEqual(Object.keys(workflows).sort());
  });

  test.each(recorded)('%s replays', async (file) => {
    const bundle = await workflowBundle();
    const { workflowId, history } = JSON.parse(
      readFileSync(join(histories, file), 'utf8'),
    ) as RecordedHistory;
    await Worker.runReplayHistory(
      { workflowBundle: bundle, replayName: file },
      history,
      workflowId,
    );
  });
});

function firstEventOf(file: string) {
  const { history } = JSON.parse(readFileSync(join(histories, file), 'utf8')) as {
    readonly history: {
      readonly events: readonly {
        readonly workflowExecutionStartedEventAttributes: {
          readonly workflowType: { readonly name: string };
        };
      }[];
    };
  };
  const [first] = history.events;
  if (!first) throw new Error(`${file} is empty`);
  return first;
}

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
