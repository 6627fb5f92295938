import { z } from 'zod';
import { contractSchema } from '../dataset/contract.schema';
import { lifecycleSchema } from '../lifecycle/lifecycle.schema';
import { llmLifecycleSchema } from '../lifecycle/llm/llm-lifecycle.schema';
import { promptSchema } from '../prompt/prompt.schema';

/**
 * JSON Schemas for editors by file name, with descriptions and defaults. A file names its schema in
 * its first line: `# yaml-language-server: $schema=…`.
 */
export function publishedSchemas(): Readonly<Record<string, object>> {
  return {
    'model-lifecycle.schema.json': publishSchema(lifecycleSchema, 'Perennial model lifecycle'),
    'llm-lifecycle.schema.json': publishSchema(llmLifecycleSchema, 'Perennial LLM lifecycle'),
    'contract.schema.json': publishSchema(contractSchema, 'Perennial data contract'),
    'prompt.schema.json': publishSchema(promptSchema, 'Perennial prompt'),
  };
}

function publishSchema(schema: z.ZodType, title: string): object {
  return { ...z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }), title };
}
