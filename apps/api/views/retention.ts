import { z } from 'zod';

const days = (of: string) => z.number().int().min(1).max(36_500).describe(`${of}, in days: 1 to 36500`);

const settings = {
  predictionDays: days('predictions; dropped by whole days, for the longest time that any tenant asks'),
  feedbackDays: days('labels'),
  runDetailDays: days('events and effects of runs that ended; the run, its stages, decisions and audit rows stay'),
  idempotencyDays: days('idempotency keys'),
  artifactIdleDays: days('artifacts that nothing refers to, since they were last touched'),
  callAnswerDays: days(
    'answers of language models on the call ledger, since all that asked for them or read them ended; what they cost stays',
  ),
};

export const retentionView = z.object(settings).meta({ id: 'RetentionSettings' });

/** What is left out stays as it is. */
export const retentionChange = z.strictObject(settings).partial();
