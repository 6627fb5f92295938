import { z } from 'zod';
import { secretSchema } from '../../notification/notify.schema';

export const triggersSchema = z
  .strictObject({
    events: z
      .array(
        z
          .string()
          .regex(/^[^\s\p{C}]{1,200}$/u)
          .describe('the type of a CloudEvent, such as com.example.flights.landed'),
      )
      .max(20)
      .default([])
      .describe('types of CloudEvents that start a run, sent to POST /api/v1/events'),
    newData: z
      .boolean()
      .default(false)
      .describe('true starts a run when the alias of a dataset:// source moves to a new version'),
    secrets: z
      .array(secretSchema)
      .max(5)
      .default([])
      .describe('keys, one of which must have signed each event; by default none is needed'),
  })
  .describe('what starts a run automatically: events, newData and secrets');
