import { z } from 'zod';
import type { Digest } from '../../artifact';
import { nameField } from '../../document/field.schema';
import { computeKindSchema } from '../../training/compute-kind.schema';

const digestField = z.codec(z.string().regex(/^sha256:[0-9a-f]{64}$/), z.custom<Digest>(), {
  decode: (text) => text as Digest,
  encode: (digest) => digest,
});

const stageNameField = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,62}$/)
  .describe('lower-case letters, digits, hyphens and underscores, beginning with a letter');

const projectStageSchema = z
  .strictObject({
    code: digestField.describe("digest of the stage's compiled code"),
    cache: z.boolean().describe('false runs the stage even with unchanged code and input'),
    timeoutSeconds: z
      .number()
      .positive()
      .max(30 * 86_400)
      .describe('the time limit of one attempt in seconds'),
    attempts: z.int().min(1).max(1000).describe('the largest number of attempts'),
    hasUndo: z.boolean().describe('true when the stage defines an undo'),
  })
  .describe('a stage of the project');

const artifactField = z
  .strictObject({
    uri: z.string().describe('s3://bucket/key'),
    digest: digestField.describe('sha256:…'),
    bytes: z.number().describe('the size'),
    mediaType: z.string().describe('the media type'),
  })
  .describe('a stored file');

const projectStepSchema = z
  .strictObject({
    file: z.string().describe('the path of the Python file'),
    function: z.string().describe('the name of the function'),
    code: digestField.describe('digest of the Python files and packages'),
    compute: z
      .strictObject({
        backend: computeKindSchema.describe('the compute backend'),
        cpus: z.int().min(1).describe('the number of CPUs'),
        memoryBytes: z.number().positive().describe('the memory in bytes'),
        timeoutSeconds: z.number().positive().describe('the time limit in seconds'),
        retries: z.int().min(0).max(20).describe('the number of retries'),
        gpus: z.int().min(1).optional().describe('the number of GPUs'),
        queue: z.string().optional().describe('the queue of the engine'),
        image: z.string().optional().describe('the container image'),
        preemptible: z.boolean().optional().describe('whether its machine may be taken away'),
        maxPreemptions: z
          .int()
          .min(1)
          .max(20)
          .optional()
          .describe('lost machines after which it asks for one that is not preemptible'),
        maxMemoryBytes: z
          .number()
          .positive()
          .optional()
          .describe('the most memory in bytes of another attempt'),
      })
      .describe('resources of the job'),
  })
  .describe('a Python step of the project');

export const programSchema = z
  .strictObject({
    project: nameField('the name of the project'),
    build: digestField.describe('digest of the compiled project'),
    params: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('JSON Schema of the parameters of a run; null without parameters'),
    events: z
      .record(stageNameField, z.record(z.string(), z.unknown()))
      .optional()
      .describe('JSON Schema of the data of each event that a run may wait for'),
    stages: z
      .record(stageNameField, projectStageSchema)
      .describe('the stages that the project defines'),
    steps: z.record(stageNameField, projectStepSchema).describe('the Python steps of the project'),
    files: z.record(z.string(), artifactField).describe('the files that the steps use, by path'),
    environment: artifactField.nullable().describe('the locked Python packages; null without'),
  })
  .meta({
    description: 'the TypeScript project that executes the lifecycle; perennial deploy writes it',
    generated: true,
  });
