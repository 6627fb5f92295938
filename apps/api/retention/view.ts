import { z } from 'zod';

const days = (of: string) =>
  z.number().int().min(1).max(36_500).describe(`${of}, in days: 1 to 36500`);

const settings = {
  predictionDays: days(
    'predictions; deleted by whole days after the longest retention of any tenant',
  ),
  feedbackDays: days('labels'),
  runDetailDays: days(
    'the feed and the effects of ended runs, and the events sent to them; ' +
      'runs, stages, decisions and audit rows are kept',
  ),
  idempotencyDays: days('idempotency keys'),
  artifactIdleDays: days('artifacts without references, since they were last used'),
  callAnswerDays: days(
    'answers in the call ledger, after everything that requested or used them has ended; their costs are kept',
  ),
};

export const retentionView = z.object(settings).meta({ id: 'RetentionSettings' });

/** Settings that are left out do not change. */
export const retentionChange = z.strictObject(settings).partial();
