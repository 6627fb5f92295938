import { failure, type Issue } from '../domain/failure';
import type { SettingError } from './temporal/settings';

/** One failure for all settings that are missing or wrong. */
export function wrongSettings(errors: readonly SettingError[]): Error {
  const issues = errors.map(({ setting, detail }): Issue => ({
    pointer: `/${setting}`,
    detail: `${setting}: ${detail}`,
  }));
  const list = issues.map((issue) => `  ${issue.detail}`).join('\n');
  return failure('InvalidInput', `settings that are missing or wrong:\n${list}`, {
    issues,
    next:
      'docs/reference/settings.md lists all settings; ' +
      'perennial up sets the addresses of the servers that it starts',
  });
}
