/** The kind of each lifecycle of a project, by its spec and by the function of its file. */
import { isMap } from '../../domain/document/path';
import type { Issue } from '../../domain/failure';
import type { LifecycleKind } from '../../domain/lifecycle/lifecycle';
import type { ProjectConfig, ProjectLifecycleConfig } from '../../domain/project/config';
import type { LifecycleExport } from './lifecycle-exports';
import { configName } from './project-folder';

type WrittenSpec = ProjectLifecycleConfig['spec'];

/** Sections that only a model has. */
const modelSections = ['train', 'tune'] as const;

/** Sections that only a language application has. */
const languageSections = [
  'prompt',
  'cases',
  'model',
  'sampling',
  'index',
  'fineTune',
  'promptEval',
  'safety',
  'budget',
] as const;

export function findKind(spec: WrittenSpec): LifecycleKind {
  if (findFirst(languageSections, spec)) return 'LlmLifecycle';
  return findFirst([...modelSections, 'evaluate'], spec) ? 'ModelLifecycle' : 'DataLifecycle';
}

/** Specs with sections of two kinds, and functions that are not for the kind of their spec. */
export function kindIssues(
  { lifecycles }: ProjectConfig,
  exported: Readonly<Record<string, LifecycleExport>>,
): readonly Issue[] {
  return Object.entries(lifecycles).flatMap(([name, { spec }]): readonly Issue[] => {
    const at = `lifecycles.${name}.spec`;
    if (!isMap(spec))
      return [
        { pointer: '', file: configName, detail: `${at} is missing`, expected: 'spec: { … }' },
      ];
    const ofModel = findFirst(modelSections, spec);
    const ofLanguage = findFirst(languageSections, spec);
    if (ofModel && ofLanguage)
      return [
        {
          pointer: '',
          file: configName,
          detail: `${at} has the section ${ofModel} of models and ${ofLanguage} of language applications`,
          expected: 'the sections of one of them',
        },
      ];
    const own = exported[name];
    if (!own || (own.madeBy === 'languageLifecycle') === (ofLanguage !== undefined)) return [];
    const exports = `exports ${own.madeBy}(…), but ${at} of ${configName}`;
    return [
      {
        pointer: '',
        ...own.place,
        ...(ofLanguage
          ? {
              detail: `${exports} has the section ${ofLanguage} of language applications`,
              expected: 'languageLifecycle<typeof stages>(async (run) => …)',
            }
          : {
              detail: `${exports} has ${ofModel ? `the section ${ofModel} of models` : 'no prompt'}`,
              expected: 'lifecycle(…), or a spec with model, prompt, cases and evaluate',
            }),
      },
    ];
  });
}

function findFirst(sections: readonly string[], spec: WrittenSpec): string | undefined {
  // JSON has no undefined, so such a section is not in the document that is deployed.
  return sections.find(
    (section) => (spec as Readonly<Record<string, unknown>>)[section] !== undefined,
  );
}
