import { defineStage, tableSchema, z } from '@perennial-dev/perennial';

/** Adds the temperature that a rider feels: wind makes cold air colder. */
export const weather = defineStage({
  name: 'weather',
  input: z.object({ bikes: tableSchema }),
  output: z.object({ table: tableSchema, hours: z.number() }),
  async run(ctx, { bikes }) {
    const table = await ctx.writeTable(
      'felt_weather',
      'SELECT *, temp - 0.5 * windspeed * (1 - temp) AS felt FROM bikes ORDER BY hour_at',
      { bikes },
    );
    ctx.metric('hours', table.rows);
    return { table, hours: table.rows };
  },
});
