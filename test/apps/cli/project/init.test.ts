import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProject } from '../../../../apps/project/build';
import { noPython } from '../../../support/project/folder';
import { cliAgainst } from '../fake-api';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-init-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const init = (...args: readonly string[]) =>
  cliAgainst({ apiUrl: null, apiKey: null, cwd: folder }, ['init', ...args]);

describe('perennial init', () => {
  test('writes a project that builds, under the given name', async () => {
    const { exitCode, stderr } = await init('late-trains', '--typescript');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('cd late-trains && npm install && npm test');
    const project = join(folder, 'late-trains');
    const config = readFileSync(join(project, 'perennial.config.ts'), 'utf8');
    expect(config).toContain("'late-trains': {");
    const { build, documents } = await buildProject(project, noPython);
    expect(build).toMatchObject({ project: 'late-trains', lifecycles: ['late-trains'] });
    expect(documents({ files: {}, environment: null })['late-trains']).toMatchObject({
      kind: 'ModelLifecycle',
      spec: { program: { stages: { select_customers: { attempts: 3, timeoutSeconds: 300 } } } },
    });
    expect(JSON.stringify(readdirSync(project, { recursive: true }))).not.toContain('churn.ts');
  });

  test('does not overwrite a folder', async () => {
    await init('churn', '--typescript');
    const { exitCode, stderr } = await init('churn', '--typescript');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining('churn already exists; nothing was written') as string,
    });
  });

  test('refuses a name that a lifecycle cannot have, and suggests another', async () => {
    const { exitCode, stderr } = await init('My Model', '--typescript');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('did you mean my-model?');
    expect(existsSync(join(folder, 'My Model'))).toBe(false);
  });

  test('names the command for YAML without --typescript', async () => {
    const { exitCode, stderr } = await init('churn');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('perennial lifecycle init churn for YAML');
  });
});
