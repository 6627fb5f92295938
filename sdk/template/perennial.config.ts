/** What `perennial deploy` deploys: the lifecycles of this project and their policies. */
import { defineProject, z } from '@perennial-dev/perennial';

/** The parameters of a run: `perennial run start churn --param region=north`. */
const params = z.strictObject({
  region: z.enum(['all', 'north', 'south']).optional(),
});
export type ChurnParams = z.infer<typeof params>;

export default defineProject({
  name: 'churn',
  owner: 'you@example.com',
  lifecycles: {
    // The function is in lifecycles/churn.ts. It cannot loosen the policy that is written here.
    churn: {
      params,
      spec: {
        data: {
          sources: {
            // `./` is this folder. A source may also be s3://, https:// or dataset://.
            customers: {
              uri: 'file://./data/customers.csv',
              contract: 'contracts/customers.yaml',
            },
          },
          assemble: 'sql/assemble.sql',
          features: 'sql/features.sql',
          label: { column: 'churned', availableAfter: '30d' },
          entity: 'customer_id',
          split: { by: 'random', tuning: 0.1, confirm: 0.1, holdout: 0.3 },
        },
        train: { trainer: 'logistic', params: { C: 1 }, compute: { memory: '1GiB' } },
        evaluate: {
          metrics: ['logloss', 'auc'],
          gates: [
            // Better than the baseline, which predicts the frequency of the label.
            {
              name: 'useful',
              kind: 'superiority',
              metric: 'logloss',
              against: 'baseline',
              margin: 0,
            },
            // Not worse than the champion by more than the margin.
            { name: 'no-worse', kind: 'nonInferiority', metric: 'logloss', margin: 0.02 },
            // The gateway returns the predictions that were evaluated.
            { name: 'parity', kind: 'parity' },
          ],
        },
        promote: { approval: { required: 0 } },
      },
    },
  },
});
