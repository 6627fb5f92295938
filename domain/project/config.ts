/** `perennial.config.ts`: what a project deploys. */
import type { z } from 'zod';
import type { DataLifecycleDocument } from '../lifecycle/data-lifecycle.schema';
import type { LlmLifecycleDocument } from '../lifecycle/llm/llm-lifecycle.schema';
import type { computeSchema, LifecycleDocument } from '../lifecycle/lifecycle.schema';

type ModelSections = Omit<LifecycleDocument['spec'], 'program'>;
type LanguageSections = Omit<LlmLifecycleDocument['spec'], 'program' | 'monitor'>;
type DataSections = Omit<DataLifecycleDocument['spec'], 'program'>;

export interface ProjectLifecycleConfig {
  /** The schema of the parameters of a run. Without it a run takes none. */
  readonly params?: z.ZodType;
  /**
   * The events that a run may wait for with `run.waitFor`, each with the schema of its data. They
   * are sent by `perennial run send` or `POST /runs/{id}/events`.
   */
  readonly events?: Readonly<Record<string, z.ZodType>>;
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * The sections of `lifecycle.yaml`: data, train, evaluate, promote and the optional ones. They
   * are the policy, which the lifecycle function cannot loosen. A language application has model,
   * prompt, cases and evaluate instead. Without any of them, the lifecycle has no model, and its
   * sections are data, approval, schedule and notify.
   */
  readonly spec:
    // By these two sections the compiler tells the kinds apart, and names what the kind lacks.
    | (ModelSections & { readonly prompt?: undefined })
    | LanguageSections
    | (DataSections & { readonly prompt?: undefined; readonly evaluate?: undefined });
}

export interface ProjectConfig {
  /** Lower-case letters, digits and hyphens. */
  readonly name: string;
  /** The person or team responsible, or their address. */
  readonly owner: string;
  /** By name. The function of `churn` is the export of `lifecycles/churn.ts`. */
  readonly lifecycles: Readonly<Record<string, ProjectLifecycleConfig>>;
  /** Resources of Python steps, by name. */
  readonly steps?: Readonly<Record<string, { readonly compute?: z.input<typeof computeSchema> }>>;
}

/** Declares a project. Export the result as the default of `perennial.config.ts`. */
export function defineProject(project: ProjectConfig): ProjectConfig {
  return project;
}
