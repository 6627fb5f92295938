import { parse } from 'yaml';
import { defineLifecycle } from '../../../domain/lifecycle/define';
import { parseLifecycle } from '../../../domain/lifecycle/document';
import type { LifecycleDocument } from '../../../domain/lifecycle/lifecycle.schema';
import { lifecycleFiles, lifecycleText } from '../../support/lifecycle-text';

const written: LifecycleDocument = {
  apiVersion: 'perennial.dev/v1',
  kind: 'ModelLifecycle',
  metadata: { name: 'late-orders', owner: 'ops@shop.example' },
  spec: {
    data: {
      sources: {
        orders: { uri: 's3://lake/orders.csv', contract: 'contracts/orders.yaml' },
        stock: { uri: 'sample://stock', time: 'seen_at' },
      },
      assemble: 'sql/assemble.sql',
      features: 'sql/features.sql',
      label: { column: 'late', availableAfter: '6h' },
      time: { column: 'ordered_at', window: '6mo' },
      entity: 'customer',
      split: { by: 'time', tuning: '30d', confirm: '15d', holdout: '30d' },
      limits: { size: '4GiB' },
    },
    train: { trainer: 'lightgbm', params: { num_leaves: 63 }, compute: { backend: 'local' } },
    evaluate: {
      metrics: ['logloss', 'auc'],
      slices: { columns: ['region'], metric: 'logloss' },
      gates: [
        { name: 'useful', kind: 'threshold', metric: 'auc', min: 0.62 },
        { name: 'no-worse', kind: 'nonInferiority', metric: 'logloss', margin: 0.004 },
        { name: 'slices', kind: 'slice', maxIncrease: 0.03 },
        { name: 'parity', kind: 'parity' },
      ],
    },
  },
};

describe('a lifecycle in TypeScript', () => {
  test('parses to the same spec as the YAML file', () => {
    const defined = defineLifecycle(written);
    expect(defined).toEqual(parse(lifecycleText));
    const read = (document: unknown) =>
      parseLifecycle({ document, fileName: 'lifecycle', files: lifecycleFiles });
    expect(read(defined)).toEqual(read(lifecycleText));
  });

  test('throws every error at once where it is defined', () => {
    const { data } = written.spec;
    const broken = {
      ...written,
      spec: {
        ...written.spec,
        data: {
          ...data,
          split: { by: 'time' as const, tuning: '30d', confirm: '15d', holdout: '200d' },
          assemble: '../x.sql',
        },
      },
    };
    expect(() => defineLifecycle(broken)).toThrow(
      [
        'the lifecycle late-orders has 2 errors',
        '  defineLifecycle spec.data.assemble must stay inside the folder of the lifecycle; expected a relative path such as sql/assemble.sql',
        '  defineLifecycle spec.data.split takes 245 days, but the window of 6mo has 181: no rows are left to train on; expected less than 181 days together, or a longer spec.data.time.window',
      ].join('\n'),
    );
  });
});
