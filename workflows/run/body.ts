/** The function of a lifecycle, and the work that it leaves open when it ends. */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { RunControl } from './control';

/**
 * Runs the function of a lifecycle. When it has ended in any way, its open stages and waits are
 * cancelled and awaited. Otherwise a stage could still work while the run is undone or after its end
 * (I5). Without any, nothing is cancelled: an open rollout belongs to the undo.
 */
export async function runBody<End>(control: RunControl, body: () => Promise<End>): Promise<End> {
  const scope = new CancellationScope();
  try {
    return await scope.run(body);
  } finally {
    control.isBodyOver = true;
    if (control.openStages > 0 || control.waits.size > 0) scope.cancel();
    await CancellationScope.nonCancellable(() => condition(() => control.openStages === 0));
  }
}

/**
 * Changes the functions so that a promise that is open when the body ends stays open: a branch of
 * the body that nothing awaits must neither go on nor fail.
 */
export function holdOpenAfterBody<Functions extends object>(
  control: RunControl,
  functions: Functions,
): Functions {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(functions)))
    if (isFunction(value))
      Object.defineProperty(functions, name, {
        value: (...args: readonly unknown[]) => {
          const result = value(...args);
          return result instanceof Promise ? untilBodyEnds(control, result) : result;
        },
      });
  return functions;
}

function isFunction(value: unknown): value is (...args: readonly unknown[]) => unknown {
  return typeof value === 'function';
}

function untilBodyEnds<T>(control: RunControl, result: Promise<T>): Promise<T> {
  // A call of an undo, which begins after the body.
  if (control.isBodyOver) return result;
  return new Promise((resolve, reject) => {
    const unlessOver =
      <Value>(settle: (value: Value) => void) =>
      (value: Value): void => {
        if (!control.isBodyOver) settle(value);
      };
    result.then(unlessOver(resolve), unlessOver(reject));
  });
}
