/** A project with one map over a Python step, which gives each execution an id of its own. */
import type { ProjectFiles } from './project-world';

export interface StepMapParams {
  readonly count: number;
  readonly parallel?: number;
  readonly onFailure?: 'failFast' | 'collect';
  /** Items that fail. */
  readonly failing?: readonly number[];
  /** Seconds that an item takes. */
  readonly seconds?: number;
  /** Makes the items of a run unlike those of other runs. */
  readonly seed?: number;
}

export interface SquareOutput {
  readonly square: number;
  readonly execution: string;
}

export const stepMapLifecycle = 'squares';
export const mappedStep = 'square';

export function stepMapProject(name: string): ProjectFiles {
  return {
    ...stepMapLifecycles(name),
    'steps/square.py': `"""Squares a number."""

import time
from dataclasses import dataclass
from uuid import uuid4

from perennial.step import Context, step


@dataclass
class Square:
    square: int
    execution: str


@step
def square(n: int, ctx: Context, seconds: float = 0, fails: bool = False, seed: int = 0) -> Square:
    ctx.log("squares", n=n)
    time.sleep(seconds)
    if fails:
        raise ValueError(f"{n} cannot be squared")
    return Square(square=n * n, execution=str(uuid4()))
`,
  };
}

/** Without the step, for a build that needs no Python. */
export function stepMapLifecycles(name: string): ProjectFiles {
  return {
    'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
export default defineProject({
  name: '${name}',
  owner: 'test',
  lifecycles: { ${stepMapLifecycle}: { params: z.looseObject({}), spec: {} as never } },
});
`,
    [`lifecycles/${stepMapLifecycle}.ts`]: `
import { lifecycle } from '@perennial-dev/perennial/workflow';
interface Square { readonly square: number; readonly execution: string }
export const ${stepMapLifecycle} = lifecycle<object, any>(async (run, params) => {
  const { seconds = 0, failing = [], seed = 0, parallel, onFailure } = params;
  const items = Array.from({ length: params.count }, (_, n) => ({
    n, seconds, fails: failing.includes(n), seed,
  }));
  // A variable, because a build without the step refuses its name.
  const step = '${mappedStep}';
  const result = await run.mapStep<Square>(step, items, {
    ...(parallel === undefined ? {} : { parallel }),
    ...(onFailure === undefined ? {} : { onFailure }),
  });
  return run.done(result.succeeded + ' of ' + result.total);
});
`,
  };
}
