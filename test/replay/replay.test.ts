import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../workers/bundle';

const histories = join(__dirname, 'histories');
const recorded = readdirSync(histories).filter((file) => file.endsWith('.json'));

jest.setTimeout(60_000);
beforeAll(() => void Runtime.install({ logger: new DefaultLogger('ERROR') }));

interface RecordedHistory {
  readonly workflowId: string;
  readonly history: unknown;
}

/** Today's code must follow the path that these runs took: whoever changes a workflow keeps open runs working, by `patched()`. */
describe('recorded histories', () => {
  test('there are some', () => expect(recorded).not.toEqual([]));

  test.each(recorded)('%s replays', async (file) => {
    const bundle = await workflowBundle();
    const { workflowId, history } = JSON.parse(readFileSync(join(histories, file), 'utf8')) as RecordedHistory;
    await Worker.runReplayHistory({ workflowBundle: bundle, replayName: file }, history, workflowId);
  });
});

describe('the workflow bundle', () => {
  test('holds no library that the sandbox must not run', async () => {
    const { codePath } = await workflowBundle();
    const code = readFileSync(codePath, 'utf8');
    for (const library of ['zod', 'drizzle-orm', 'postgres', '@aws-sdk', 'yaml', 'undici']) {
      expect(code).not.toContain(`node_modules/${library}/`);
    }
    expect(code).toContain('modelLifecycle');
  });
});
