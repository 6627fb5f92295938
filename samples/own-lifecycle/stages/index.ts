import { defineStage, tableSchema, z } from 'perennial';

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

/** How busy one hour of the day is, on working days and on others. */
export const profile = defineStage({
  name: 'profile',
  input: z.object({ table: tableSchema, hour: z.int().min(0).max(23) }),
  output: z.object({ hour: z.number(), working: z.number(), free: z.number() }),
  timeout: '5m',
  async run(ctx, { table, hour }) {
    const [row] = await ctx.query<{ working: number; free: number }>(
      `SELECT avg(bikers) FILTER (workingday = 1) AS working, avg(bikers) FILTER (workingday = 0) AS free
       FROM hours WHERE hr = '${hour}'`,
      { hours: table },
    );
    return { hour, working: row?.working ?? 0, free: row?.free ?? 0 };
  },
});
