import { defineProject, z } from '@perennial-dev/perennial';

/** How many bikes will be hired in an hour? The lifecycle is written in TypeScript. */
export default defineProject({
  name: 'bikes',
  owner: 'ops@bikes.example',
  lifecycles: {
    'own-lifecycle': {
      labels: { domain: 'mobility' },
      params: z.object({
        leaves: z.int().min(2).max(255).default(31).describe('num_leaves of LightGBM'),
      }),
      spec: {
        data: {
          sources: {
            bikes: {
              uri: 'sample://bikes',
              time: 'hour_at',
              contract: 'contracts/bikes.yaml',
            },
          },
          assemble: 'sql/assemble.sql',
          features: 'sql/features.sql',
          label: { column: 'bikers', availableAfter: '1h' },
          time: {
            column: 'hour_at',
            window: '6mo',
            until: '2011-07-01T00:00:00Z',
            timezone: 'America/New_York',
          },
          split: { by: 'time', tuning: '14d', confirm: '7d', holdout: '14d' },
        },
        train: {
          trainer: 'lightgbm',
          task: 'regression',
          params: { objective: 'poisson', learning_rate: 0.05, num_iterations: 300 },
          compute: { memory: '1GiB', timeout: '10m' },
        },
        evaluate: {
          metrics: ['mae', 'rmse', 'r2'],
          gates: [
            { name: 'useful', kind: 'threshold', metric: 'r2', min: 0.5 },
            {
              name: 'no-worse',
              kind: 'nonInferiority',
              metric: 'mae',
              against: 'champion',
              whenAbsent: 'baseline',
              margin: 5,
              confidence: 0.97,
            },
          ],
        },
        promote: { approval: { required: 1, allowStarter: true } },
      },
    },
  },
});
