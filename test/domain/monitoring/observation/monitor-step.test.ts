import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { sha256 } from '../../../../data/digest';
import { llmLifecycleSchema } from '../../../../domain/lifecycle/llm/llm-lifecycle.schema';
import { lifecycleSchema } from '../../../../domain/lifecycle/lifecycle.schema';
import type { LifecycleSpec } from '../../../../domain/lifecycle/revision';
import { nextMonitorStep } from '../../../../domain/monitoring/observation/monitor-step';

const examples = join(__dirname, '../../../../docs/reference/examples');
const example = (kind: string): { spec: Record<string, unknown> } =>
  parse(readFileSync(join(examples, `${kind}-lifecycle.yaml`), 'utf8')) as {
    spec: Record<string, unknown>;
  };

function application(monitor?: unknown): LifecycleSpec {
  const { spec, ...document } = example('llm');
  return llmLifecycleSchema.parse({ ...document, spec: { ...spec, monitor } });
}

function step(spec: LifecycleSpec, task: 'chat' | 'classification') {
  const champion = { version: 2, fencing: 5, digest: sha256('bundle'), task };
  return nextMonitorStep({ champion, revision: { revision: 3, spec }, watched: null });
}

test('a language application is watched by its callers, every 15 s unless it says otherwise', () => {
  expect(step(application(), 'chat')).toMatchObject({
    kind: 'prepare',
    version: 2,
    settings: { metric: 'caller-loss', everySeconds: 15, service: { maxFailed: 0.02 } },
  });
  expect(step(application({ every: '2m' }), 'chat')).toMatchObject({
    kind: 'prepare',
    settings: { everySeconds: 120 },
  });
  expect(step(application({ enabled: false }), 'chat')).toEqual({
    kind: 'off',
    why: 'revision 3 has monitor.enabled: false',
  });
});

test('a champion of another kind than the lifecycle is not watched', () => {
  const why = 'the lifecycle is of another kind than the champion';
  expect(step(application(), 'classification')).toEqual({ kind: 'off', why });
  expect(step(lifecycleSchema.parse(example('model')), 'chat')).toEqual({ kind: 'off', why });
});

test('a version is watched until it, its promotion or its settings change', () => {
  const spec = application();
  const first = step(spec, 'chat');
  if (first.kind !== 'prepare') throw new Error(first.kind);
  const champion = { version: 2, fencing: 5, digest: sha256('bundle'), task: 'chat' } as const;
  const watched = { version: 2, fencing: 5, revision: 3, status: 'watching' } as const;
  const next = (revision: number, fencing: number, of: LifecycleSpec) =>
    nextMonitorStep({
      champion: { ...champion, fencing },
      revision: { revision, spec: of },
      watched: { ...watched, settings: first.settings },
    }).kind;
  expect(next(3, 5, spec)).toBe('watch');
  expect(next(4, 5, spec)).toBe('watch');
  expect(next(4, 6, spec)).toBe('prepare');
});

test('only other tests begin anew: what follows from an alarm, the volume and the pace may change', () => {
  const model = (monitor: object): LifecycleSpec => {
    const { spec, ...document } = example('model');
    return lifecycleSchema.parse({ ...document, spec: { ...spec, monitor } });
  };
  const champion = { version: 2, fencing: 5, digest: sha256('bundle') };
  const next = (one: LifecycleSpec, other: LifecycleSpec) => {
    const first = step(one, 'classification');
    if (first.kind !== 'prepare') throw new Error(first.kind);
    return nextMonitorStep({
      champion: { ...champion, task: 'classification' },
      revision: { revision: 4, spec: other },
      watched: {
        version: 2,
        fencing: 5,
        revision: 3,
        status: 'watching',
        settings: first.settings,
      },
    });
  };
  const changed = {
    every: '1m',
    onAlarm: 'retrain',
    cooldown: '2h',
    maxFailures: 5,
    runStrategy: 'queue',
    volume: { enabled: false },
  };
  expect(next(model({}), model(changed))).toMatchObject({
    kind: 'watch',
    revision: 4,
    settings: { everySeconds: 60, onAlarm: 'retrain', volume: { enabled: false } },
  });
  for (const tests of [
    { drift: { minEffect: 0.2 } },
    { data: { maxRefused: 0.1 } },
    { quality: { maxDrop: 0.1 } },
  ])
    expect(next(model({}), model(tests))).toMatchObject({ kind: 'prepare' });
});

test('labels are tested by maxMissing only if missing labels hold the rollout', () => {
  const model = (quality: object): LifecycleSpec => {
    const { spec, ...document } = example('model');
    const canary = spec['canary'] as { quality: object };
    const changed = { ...canary, quality: { ...canary.quality, ...quality } };
    return lifecycleSchema.parse({ ...document, spec: { ...spec, canary: changed } });
  };
  const maxMissing = (spec: LifecycleSpec, task: 'chat' | 'classification') => {
    const next = step(spec, task);
    return next.kind === 'prepare' ? next.settings.maxMissing : undefined;
  };
  expect(maxMissing(model({ missingLabels: 'hold', maxMissing: 0.2 }), 'classification')).toBe(0.2);
  expect(maxMissing(model({ missingLabels: 'ignore' }), 'classification')).toBeNull();
  expect(maxMissing(model({ missingLabels: 'worstCase' }), 'classification')).toBeNull();
  expect(maxMissing(application(), 'chat')).toBeNull();
});
