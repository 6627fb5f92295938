import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import { CliError } from '../cli-error';

/** Dimensions for the command line, which need only a name and the cases. */
export function defaultDimension(name: string, cases: readonly EvaluationCase[]): DimensionSpec {
  switch (name) {
    case 'exact':
    case 'f1':
      return { name, kind: name };
    case 'json':
      return { name, kind: name, schema: null };
    case 'rules':
      return { name, kind: name, rules: [] };
    case 'label': {
      const labels = [...new Set(cases.flatMap(({ expected }) => expected.label ?? []))].sort();
      if (labels.length > 0) return { name, kind: name, labels };
      throw new CliError('no case has expected.label', 2, 'add expected.label to the cases');
    }
    default:
      throw new CliError(
        `${name} needs a spec file that defines how it is measured`,
        2,
        '--spec <file>, or one of exact, f1, label, json, rules',
      );
  }
}
