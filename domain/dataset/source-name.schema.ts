import { z } from 'zod';

export const sourceName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/)
  .describe(
    'the name of the table in SQL: lower-case letters, digits and underscores, beginning with a letter',
  );
