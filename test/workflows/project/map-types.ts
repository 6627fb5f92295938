/** Not executed: the compiler checks that a map takes and returns what its stage does. */
import { z } from 'zod';
import type { ArtifactRef } from '../../../domain/artifact';
import { defineStage } from '../../../domain/project/stage';
import type { ProjectRun } from '../../../workflows/project/lifecycle';

export const scoreShop = defineStage({
  name: 'score_shop',
  input: z.object({ shop: z.string(), days: z.number().default(30) }),
  output: z.object({ score: z.number() }),
  run: (_, { shop, days }) => ({ score: shop.length / days }),
});

interface Stages {
  readonly scoreShop: typeof scoreShop;
}

export async function takesTheInputOfItsStage(
  run: ProjectRun<Stages>,
  stored: ArtifactRef,
): Promise<number> {
  const { outputs, results, failures } = await run.map('score_shop', [{ shop: 'a' }], {
    parallel: 8,
    onFailure: { tolerate: '1%' },
  });
  const reference: ArtifactRef = results;
  const first: number | undefined = outputs?.[0]?.score;
  const message: string | undefined = failures[0]?.message;
  await run.map('score_shop', stored, { onFailure: 'collect' });
  const step = await run.mapStep<{ readonly score: number }>('score_shop', [{ shop: 'a' }]);
  const scored: number | undefined = step.outputs?.[0]?.score;
  await run.mapStep('score_shop', stored, { parallel: 2 });
  // @ts-expect-error: an item is an object with the arguments by name.
  await run.mapStep('score_shop', ['a']);
  // @ts-expect-error: without a type, nothing is known of an output.
  const unknown: number = (await run.mapStep('score_shop', [])).outputs?.[0];
  // @ts-expect-error: the project has no such stage.
  await run.map('score_shops', []);
  // @ts-expect-error: an item lacks what the stage needs.
  await run.map('score_shop', [{ days: 3 }]);
  // @ts-expect-error: a value of an item has another type.
  await run.map('score_shop', [{ shop: 3 }]);
  // @ts-expect-error: a function cannot be mapped, because its calls would have no stable keys.
  await run.map((shop: string) => shop, ['a']);
  // @ts-expect-error: an unknown policy.
  await run.map('score_shop', [], { onFailure: 'ignore' });
  // @ts-expect-error: a share is a number or a percentage.
  await run.map('score_shop', [], { onFailure: { tolerate: 'some' } });
  // @ts-expect-error: an output may be missing, because its item failed or there are too many.
  const certain: number = outputs[0].score;
  return (
    (first ?? 0) + (scored ?? 0) + unknown + certain + reference.bytes + (message?.length ?? 0)
  );
}
