import { failure } from '../../../domain/failure';
import type { AliasName } from '../../../domain/model/model';

/** The version of a model that a caller names. With `routed` the routing table chooses. */
export type VersionSelector =
  | { readonly kind: 'routed' }
  | { readonly kind: 'alias'; readonly alias: AliasName }
  | { readonly kind: 'version'; readonly version: number };

export interface RequestedModel {
  readonly model: string;
  readonly selector: VersionSelector;
}

const routed = { kind: 'routed' } as const;
const aliases: readonly string[] = [
  'champion',
  'challenger',
  'previous',
] satisfies readonly AliasName[];

/**
 * Parse `flight-delay`, `flight-delay@champion` or `flight-delay@7`. `versionPath` is the `{v}` of
 * `/versions/{v}`. Throws InvalidInput.
 */
export function parseModelName(text: string, versionPath?: string): RequestedModel {
  const at = text.lastIndexOf('@');
  if (at === -1)
    return {
      model: text,
      selector: versionPath === undefined ? routed : parseSelector(versionPath, text),
    };
  if (versionPath !== undefined) {
    throw failure(
      'InvalidInput',
      `\`${text}\` already names a version; drop either \`${text.slice(at)}\` or \`/versions/${versionPath}\``,
    );
  }
  return { model: text.slice(0, at), selector: parseSelector(text.slice(at + 1), text) };
}

function parseSelector(text: string, name: string): VersionSelector {
  if (/^[1-9]\d{0,8}$/.test(text)) return { kind: 'version', version: Number(text) };
  if (aliases.includes(text)) return { kind: 'alias', alias: text as AliasName };
  throw failure(
    'InvalidInput',
    `\`${text}\` is not a version of ${name.split('@')[0] ?? name}; expected a number, or ${aliases.join(', ')}`,
  );
}
