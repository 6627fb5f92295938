import { defineStage, StageError, tableSchema, z } from '@perennial-dev/perennial';

/**
 * Selects the customers to train on. The output is reused while the input and the code of this
 * stage stay the same.
 */
export const selectCustomers = defineStage({
  name: 'select_customers',
  input: z.object({ customers: tableSchema, region: z.enum(['all', 'north', 'south']) }),
  output: z.object({ customers: tableSchema }),
  timeout: '5m',
  async run(context, { customers, region }) {
    const inRegion = region === 'all' ? '' : `AND region = '${region}'`;
    const selected = await context.writeTable(
      'selected',
      `SELECT * FROM customers WHERE months >= 1 ${inRegion}`,
      { customers },
    );
    context.metric('selected_rows', selected.rows);
    context.log.info('customers selected', { region, rows: selected.rows });
    // Another attempt would select the same rows, so this error is not retried.
    if (selected.rows === 0) throw new StageError(`no customer of region ${region}`);
    return { customers: selected };
  },
});
