/** The operator's file with the prices of compute. */
import { z } from 'zod';
import { objectDocument } from '../document/document';
import { parseWithSchema, schemaIssue, type ParseResult } from '../document/schema-issues.schema';
import { yamlDocument } from '../document/yaml-document.schema';
import { computeKindSchema } from '../training/compute-kind.schema';
import { computeKinds } from '../training/job';
import type { ComputePrices } from './price';

const amount = (what: string) =>
  z.number().min(0).max(1_000_000).describe(`price of ${what}, 0 or more`);

const priceSchema = z
  .strictObject({
    cpuHour: amount('one CPU for one hour'),
    memoryGibHour: amount('one GiB of memory for one hour').default(0),
    gpuHour: amount('one GPU for one hour').default(0),
    queues: z
      .record(
        z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/),
        z.number().min(0).max(100).describe('factor on the prices, from 0 to 100'),
      )
      .default({})
      .describe('queue → factor on all prices, such as 0.3 for preemptible machines'),
  })
  .describe('cpuHour, and if they cost more: memoryGibHour, gpuHour and queues');

const pricesSchema = z
  .strictObject({
    currency: z
      .string()
      .check(({ value, issues }) => {
        if (!Intl.supportedValuesOf('currency').includes(value))
          issues.push(schemaIssue(`cannot be ${JSON.stringify(value.slice(0, 20))}`));
      })
      .default('USD')
      .describe('the currency of the prices, a code of ISO 4217 such as USD'),
    usdPerUnit: z
      .number()
      .gt(0)
      .max(1_000_000)
      .optional()
      .describe('US dollars for one unit of the currency, above 0; required unless it is USD'),
    backends: z
      .partialRecord(
        computeKindSchema.describe(`one of ${computeKinds.join(', ')}, or an installed one`),
        priceSchema,
      )
      .describe(
        `backend → prices; the backends are ${computeKinds.join(', ')}, and installed ones`,
      ),
  })
  .check(({ value: { currency, usdPerUnit }, issues }) => {
    const isMissing = currency !== 'USD' && usdPerUnit === undefined;
    if (isMissing || (currency === 'USD' && usdPerUnit !== undefined && usdPerUnit !== 1))
      issues.push({
        ...schemaIssue(isMissing ? `is missing, and ${currency} needs it` : 'is 1 for USD'),
        path: ['usdPerUnit'],
      });
  });

/** Reads prices, as text or object, and converts them to US dollars. Returns all errors. */
export function readPrices(document: unknown, fileName: string): ParseResult<ComputePrices> {
  const written =
    typeof document === 'string'
      ? yamlDocument(document, fileName)
      : objectDocument(document, fileName);
  if (written.issues.length > 0) return { ok: false, issues: written.issues };
  const read = parseWithSchema(pricesSchema, written);
  if (!read.ok) return read;
  const { usdPerUnit = 1, backends } = read.value;
  const prices = Object.entries(backends).flatMap(([backend, price]) => {
    if (!price) return [];
    const { cpuHour, memoryGibHour, gpuHour, queues } = price;
    const inUsd = {
      cpuHour: cpuHour * usdPerUnit,
      memoryGibHour: memoryGibHour * usdPerUnit,
      gpuHour: gpuHour * usdPerUnit,
      queues,
    };
    return [[backend, inUsd]];
  });
  return { ok: true, value: Object.fromEntries(prices) as ComputePrices };
}
