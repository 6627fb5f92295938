/**
 * The smallest possible canaries of the tiny lifecycle on a whole product, decided by some hundred
 * labels.
 */
import type { RolloutJson } from '../../../apps/cli/rollout/view';
import type { RunJson } from '../../../apps/cli/run/view';
import type { Product } from '../process/product';
import { lenientGates, writeTinyLifecycle } from '../tiny-lifecycle';
import { untilAnswer } from '../time/until';

export interface Trials {
  /** Its first version is the champion without a canary, because there was no champion before. */
  withChampion(name: string): Promise<string>;
  /**
   * From now on its versions learn nothing, no gate judges them, and a quarter of the entities is
   * assigned to them at once.
   */
  sabotage(model: string): Promise<void>;
  /** A run with an open rollout. */
  open(model: string, C: number): Promise<RunJson>;
  readRollout(model: string): Promise<RolloutJson | null>;
  /** Parts of the product may be down meanwhile. */
  until(
    model: string,
    isSo: (rollout: RolloutJson) => boolean,
    seconds?: number,
  ): Promise<RolloutJson>;
  champion(model: string): Promise<number | null>;
  /** Newest first. */
  audit(
    model: string,
    action: string,
  ): Promise<readonly { readonly actor: string; readonly cause: string }[]>;
  /** Kinds of the rollout's events, without their prefix. */
  events(run: string): Promise<readonly string[]>;
}

export function openTrials(product: Product): Trials {
  const trials: Trials = {
    async withChampion(name) {
      await apply({ name, evaluate: lenientGates, canary: canary('[0, 50]', 0.1) });
      const run = await product.waitForEnd((await product.start(name)).body.id);
      if (run.status !== 'succeeded') throw new Error(`no champion: ${JSON.stringify(run)}`);
      return name;
    },
    sabotage: (name) =>
      apply({
        name,
        learnable: false,
        evaluate: '{ metrics: [auc], gates: [], ungated: "sabotage" }',
        canary: canary('[25]', 0.02),
      }),
    async open(model, C) {
      const { body } = await product.start(model, { params: { C } });
      await trials.until(model, ({ runId }) => runId === body.id);
      return body;
    },
    async readRollout(model) {
      const answer = await product
        .call<RolloutJson>('GET', `/models/${model}/rollout`)
        .catch(() => null);
      return answer?.status === 200 ? answer.body : null;
    },
    async until(model, isSo, seconds = 60) {
      const isWanted = (rollout: RolloutJson | null) => rollout !== null && isSo(rollout);
      const rollout = await untilAnswer(() => trials.readRollout(model), isWanted, {
        seconds,
        everyMs: 50,
      });
      if (!rollout) throw new Error(`${model} has no rollout`);
      return rollout;
    },
    champion: async (model) =>
      (await product.call<{ version: number | null }>('GET', `/models/${model}/aliases/champion`))
        .body.version,
    async audit(model, action) {
      const path = `/audit?subject=model:${model}&action=${action}`;
      return (await product.call<{ items: { actor: string; cause: string }[] }>('GET', path)).body
        .items;
    },
    async events(run) {
      const { body } = await product.call<string>('GET', `/runs/${run}/events`);
      return [...body.matchAll(/^event: rollout\.(\w+)$/gm)].map(([, kind = '']) => kind);
    },
  };

  function apply(options: Parameters<typeof writeTinyLifecycle>[1]): Promise<void> {
    return product.apply(writeTinyLifecycle(product.workDir, options));
  }
  return trials;
}

function canary(steps: string, margin: number): string {
  const quality = `{ metric: logloss, margin: ${margin} }`;
  const test = '{ alpha: 0.2, minSamples: 100, minDuration: 1h }';
  return `{ steps: ${steps}, quality: ${quality}, guardrails: [{ name: errors, max: 0.1 }], test: ${test} }`;
}
