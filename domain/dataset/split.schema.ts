import { z } from 'zod';
import { columnField, daysField } from '../document/field.schema';
import type { SplitSpec } from './split';

const timeSplit = z
  .strictObject({
    by: z.literal('time').describe('time'),
    tuning: daysField('whole days for tuning, such as 30d'),
    confirm: daysField('whole days to confirm the tuned parameters, such as 15d'),
    holdout: daysField('whole days of the holdout, such as 30d'),
  })
  .describe(
    'a split by time: tuning, confirm and holdout in whole days, after the rows to train on',
  );

const share = (what: string) =>
  z.number().gt(0).lt(1).describe(`${what}, as a share above 0 and below 1, such as 0.15`);

const randomSplit = z
  .strictObject({
    by: z.literal('random').describe('random'),
    tuning: share('the rows for tuning'),
    confirm: share('the rows to confirm the tuned parameters'),
    holdout: share('the rows of the holdout'),
  })
  .describe('a random split, for independent rows without a time: a hash assigns each row');

const groupSplit = z
  .strictObject({
    by: z.literal('group').describe('group'),
    column: columnField(
      'of a split by group: the entity whose rows stay together, such as a customer',
    ),
    tuning: share('the groups for tuning'),
    confirm: share('the groups to confirm the tuned parameters'),
    holdout: share('the groups of the holdout'),
  })
  .describe('a split by group, for rows without a time: a hash of `column` assigns each group');

const writtenSplit = z
  .discriminatedUnion('by', [timeSplit, randomSplit, groupSplit])
  .describe('the parts of the data for tuning, confirmation and the holdout');

export const splitSchema = z.codec(writtenSplit, z.custom<SplitSpec>(), {
  decode(split) {
    if (split.by !== 'time') return split;
    const { by, tuning, confirm, holdout } = split;
    return { by, tuningDays: tuning, confirmDays: confirm, holdoutDays: holdout };
  },
  encode(split) {
    if (split.by !== 'time') return split;
    const { by, tuningDays, confirmDays, holdoutDays } = split;
    return { by, tuning: tuningDays, confirm: confirmDays, holdout: holdoutDays };
  },
});
