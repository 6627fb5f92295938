/** A language application whose lifecycle calls own stages between the built-in ones. */
import type { ProjectFiles } from './project-world';

export function languageProject(name: string): ProjectFiles {
  return {
    'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
export default defineProject({
  name: '${name}',
  owner: 'test',
  lifecycles: {
    'wiki-assistant': {
      params: z.looseObject({}),
      spec: {
        model: { name: 'scripted' },
        prompt: { candidates: ['plain.yaml', 'precise.yaml'], input: 'question' },
        cases: { file: 'cases.ndjson' },
        data: { sources: { pages: { uri: 'sample://wiki-summaries' } } },
        index: { name: 'wiki', documents: 'pages' },
        promptEval: { quality: 'right' },
        evaluate: {
          dimensions: [{ name: 'right', kind: 'exact' }],
          gates: [{ name: 'useful', kind: 'threshold', dimension: 'right', min: 0.6 }],
        },
      },
    },
  },
});
`,
    'stages.ts': `
import { defineStage, tableSchema, z } from '@perennial-dev/perennial';
export const cleanPages = defineStage({
  name: 'clean_pages',
  input: z.object({ pages: tableSchema }),
  output: z.object({ pages: tableSchema }),
  run: (_, { pages }) => ({ pages }),
});
`,
    'lifecycles/wiki-assistant.ts': `
import { hasNotPassed, languageLifecycle } from '@perennial-dev/perennial/workflow';
import type * as stages from '../stages';
export const assistant = languageLifecycle<typeof stages, any>(async (run, params) => {
  const read = await run.ingest();
  const { pages } = await run.stage('clean_pages', { pages: read.pages });
  const index = await run.index(params.without === 'pages' ? {} : { ...read, pages });
  const prompts = await run.bundles(params.without === 'index' ? null : index);
  const compared = await run.comparePrompts(prompts);
  if (compared && hasNotPassed(compared)) return run.stopped(compared);
  const candidate = await run.candidate(compared?.chosen ?? prompts.bundles[0], prompts);
  if (candidate.isChampion) return run.unchanged(candidate);
  const evaluated = await run.evaluate({ ...candidate, ...params.candidate });
  return run.release({ ...evaluated, ...params.forged });
});
`,
  };
}
