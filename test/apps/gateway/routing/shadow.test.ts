import type { ModelHold } from '../../../../apps/gateway/model/model-cache';
import { servedVersion, type ServedVersion } from '../../../../apps/gateway/model/served-version';
import {
  createShadow,
  type Shadow,
  type Shadowed,
  type ShadowOutcome,
} from '../../../../apps/gateway/routing/shadow';
import { sha256 } from '../../../../data/digest';
import { failure } from '../../../../domain/failure';
import { defaultTenant } from '../../../../domain/ids';

type Score = (rows: readonly unknown[]) => Promise<Float64Array>;

interface Setting {
  readonly shadow: Shadow;
  readonly outcomes: ShadowOutcome[];
  readonly holds: () => number;
  readonly version: (score: Score) => ServedVersion;
}

function setting(
  limits: { readonly maxWaitingRows?: number; readonly longestWaitMs?: number } = {},
): Setting {
  const outcomes: ShadowOutcome[] = [];
  let holds = 0;
  const shadow = createShadow({
    maxWaitingRows: 100,
    batchRows: 10,
    longestWaitMs: 10_000,
    timeoutMs: { usual: 2_000, of: {} },
    onOutcome: (_served, outcome) => outcomes.push(outcome),
    ...limits,
  });
  return {
    shadow,
    outcomes,
    holds: () => holds,
    version(score) {
      const codec = {
        decode: (body: unknown) => ({
          rows: body as [],
          id: null,
          entities: [],
          eventTimes: [],
          outputs: new Set<string>(),
        }),
      };
      const model = {
        kind: 'graph',
        digest: sha256('m'),
        signature: {},
        codec,
        scorer: { score, queued: () => 0 },
      } as unknown as ModelHold['model'];
      const hold = (): ModelHold => {
        holds += 1;
        return { model, hold, release: () => (holds -= 1) };
      };
      return servedVersion(
        { tenant: defaultTenant, model: 'm', version: 2 },
        { model, hold, release: () => undefined },
      );
    },
  };
}

function ask(shadow: Shadow, served: ServedVersion, rows = 1): Promise<Shadowed | null> {
  return new Promise((done) => shadow.add({ served, body: new Array(rows).fill({}), rows, done }));
}

const atOnce: Score = (rows) => Promise.resolve(new Float64Array(rows.length).fill(7));
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('scoring after an answer', () => {
  test('begins after everything that was ready to be sent', async () => {
    const { shadow, version } = setting();
    const order: string[] = [];
    const asked = ask(
      shadow,
      version((rows) => (order.push('shadow'), atOnce(rows))),
    );
    await Promise.resolve().then(() => process.nextTick(() => order.push('answer')));
    expect(await asked).toMatchObject({ scores: new Float64Array([7]), error: null });
    expect(order).toEqual(['answer', 'shadow']);
  });

  test('reports a failure by its type, and an invalid score is a failure', async () => {
    const { shadow, version, outcomes, holds } = setting();
    const breaks = version(() => Promise.reject(new Error('N14228 was refused')));
    expect(await ask(shadow, breaks)).toMatchObject({ scores: null, error: 'Unexpected' });
    expect(
      await ask(
        shadow,
        version((rows) => Promise.resolve(new Float64Array(rows.length).fill(NaN))),
      ),
    ).toMatchObject({ error: 'ScoreNotFinite' });
    expect(outcomes).toEqual(['failed', 'failed']);
    await turn();
    expect(holds()).toBe(0);
  });

  test('a version scores one batch at a time, and a slow one delays no other', async () => {
    const { shadow, version } = setting();
    const asked: number[] = [];
    let free: () => void = () => undefined;
    const slow = version((rows) => {
      asked.push(rows.length);
      return new Promise((resolve) => (free = () => resolve(new Float64Array(rows.length))));
    });
    const first = ask(shadow, slow, 9);
    const rest = [ask(shadow, slow, 5), ask(shadow, slow, 5), ask(shadow, slow, 30)];
    await turn();
    await turn();
    expect(asked).toEqual([9]);
    expect(await ask(shadow, version(atOnce))).toMatchObject({ error: null });
    free();
    await first;
    await turn();
    await turn();
    expect(asked).toEqual([9, 5, 5]);
    expect(shadow.waitingRows()).toBe(30);
    expect(rest).toHaveLength(3);
  });

  test('requests that do not fit, or meet a full queue, are skipped', async () => {
    const { shadow, version, outcomes, holds } = setting({ maxWaitingRows: 10 });
    const served = version(atOnce);
    const asked = [ask(shadow, served, 6), ask(shadow, served, 4), ask(shadow, served, 1)];
    expect((await Promise.all(asked)).map((shadowed) => shadowed === null)).toEqual([
      false,
      false,
      true,
    ]);
    const full = version(() => Promise.reject(failure('GatewayUnavailable', 'too many wait')));
    expect(await ask(shadow, full)).toBeNull();
    expect(outcomes).toEqual(['dropped', 'scored', 'scored', 'dropped']);
    await turn();
    expect(holds()).toBe(0);
  });

  test('requests that wait too long for a batch are skipped', async () => {
    const { shadow, version, outcomes, holds } = setting({ longestWaitMs: 500 });
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    let free = (): void => undefined;
    const freed = new Promise<void>((resolve) => (free = resolve));
    const served = version(async (rows) => {
      begin();
      await freed;
      return atOnce(rows);
    });
    const first = ask(shadow, served, 10);
    await begun;
    const second = ask(shadow, served, 1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    free();
    expect((await Promise.all([first, second])).map((shadowed) => shadowed === null)).toEqual([
      false,
      true,
    ]);
    expect(outcomes).toEqual(['scored', 'dropped']);
    await turn();
    expect(holds()).toBe(0);
  });

  test('a stop completes work in progress and skips the rest', async () => {
    const { shadow, version, holds } = setting();
    const served = version(async (rows) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return atOnce(rows);
    });
    const asked = [ask(shadow, served, 10), ask(shadow, served, 10)];
    await turn();
    await shadow.stop();
    expect((await Promise.all(asked)).map((shadowed) => shadowed === null)).toEqual([false, true]);
    expect(await ask(shadow, served)).toBeNull();
    await turn();
    expect(holds()).toBe(0);
  });
});
