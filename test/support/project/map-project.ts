/** A project with one map, whose stage appends a line to a file at each execution of an item. */
import { existsSync, readFileSync } from 'node:fs';
import type { ProjectFiles } from './project-world';

export interface MapParams {
  readonly count: number;
  /** The file with a line for each execution. */
  readonly log: string;
  readonly parallel?: number;
  readonly onFailure?: 'failFast' | 'collect' | { readonly tolerate: string };
  /** Items that fail at every attempt. */
  readonly failing?: readonly number[];
  /** Items that fail at their first attempt. */
  readonly failingOnce?: readonly number[];
  /** Milliseconds that an item takes. */
  readonly milliseconds?: number;
  /** Characters of text that each item contains. */
  readonly padding?: number;
}

export const mapLifecycle = 'numbers';
export const mapStage = 'square';

export function mapProject(name: string): ProjectFiles {
  return {
    'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
export default defineProject({
  name: '${name}',
  owner: 'test',
  lifecycles: { ${mapLifecycle}: { params: z.looseObject({}), spec: {} as never } },
});
`,
    'stages.ts': `
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineStage, StageError, z } from '@perennial-dev/perennial';
export const square = defineStage({
  name: '${mapStage}',
  input: z.object({
    n: z.number(),
    log: z.string(),
    milliseconds: z.number(),
    fails: z.enum(['never', 'once', 'always']),
    padding: z.string(),
  }),
  output: z.object({ square: z.number() }),
  async run(ctx, { n, log, milliseconds, fails }) {
    appendFileSync(log, n + ' ' + Date.now() + '\\n');
    if (milliseconds > 0) await sleep(milliseconds, undefined, { signal: ctx.signal });
    if (fails === 'always') throw new StageError('item ' + n + ' cannot be squared');
    if (fails === 'once' && ctx.attempt === 1) throw new Error('not yet');
    return { square: n * n };
  },
  undo(ctx, { input, output }) {
    appendFileSync(input.log + '.undone', input.n + ' ' + JSON.stringify(output) + '\\n');
  },
});
`,
    [`lifecycles/${mapLifecycle}.ts`]: `
import { lifecycle } from '@perennial-dev/perennial/workflow';
import type * as stages from '../stages';
export const ${mapLifecycle} = lifecycle<typeof stages, any>(async (run, params) => {
  const { log, milliseconds = 0, padding = 0, failing = [], failingOnce = [] } = params;
  const failsOf = (n: number) =>
    failing.includes(n) ? 'always' : failingOnce.includes(n) ? 'once' : 'never';
  const items = Array.from({ length: params.count }, (_, n) => ({
    n, log, milliseconds, fails: failsOf(n) as 'never', padding: 'x'.repeat(padding),
  }));
  const { parallel, onFailure } = params;
  const result = await run.map('${mapStage}', items, {
    ...(parallel === undefined ? {} : { parallel }),
    ...(onFailure === undefined ? {} : { onFailure }),
  });
  return run.done(result.succeeded + ' of ' + result.total);
});
`,
  };
}

export interface Execution {
  readonly n: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export function executionsIn(log: string): readonly Execution[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [n = NaN, at = NaN] = line.split(' ').map(Number);
      return { n, at };
    });
}
