import type { FastifySerializerCompiler } from 'fastify/types/schema';
import type { z } from 'zod';

/**
 * Writes the parts of a response that its schema names, so that a column which a table gains never
 * leaves the platform unnoticed. A response that does not fit its schema is an error of ours: the
 * caller gets a 500 with a trace id, and the log names the operation and the place.
 */
export const serializeResponse: FastifySerializerCompiler<z.ZodType> =
  ({ schema, method, url, httpStatus = '' }) =>
  (body) => {
    const { data, error } = schema.safeParse(body);
    if (error === undefined) return JSON.stringify(data);
    throw new Error(`the ${httpStatus} response of ${method} ${url} does not fit its schema`, {
      cause: error,
    });
  };
