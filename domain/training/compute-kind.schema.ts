import { z } from 'zod';
import { computeKinds, type ComputeKind } from './job';

/** A kind of Perennial, or one that the settings of the platform install, such as x-nomad. */
export const computeKindSchema = z.union([
  z.enum(computeKinds),
  z.templateLiteral(['x-', z.string().regex(/[a-z0-9][a-z0-9-]{0,29}/)]),
]) satisfies z.ZodType<ComputeKind>;
