/** The version of the package, the platform and the clients. A test compares all places. */
export const perennialVersion = '0.1.0';

/** The name of the npm package. Projects import from it and from its entry points. */
export const packageName = '@perennial-dev/perennial';

/** The header in which a client sends its version. */
export const clientVersionHeader = 'x-perennial-client-version';

/**
 * Whether a client may call a platform of another version. Both must be in one caret range of npm:
 * equal major versions, and before 1.0 also equal minor versions.
 */
export function isCompatible(client: string, platform: string): boolean {
  const [ofClient, ofPlatform] = [releaseLine(client), releaseLine(platform)];
  return ofClient !== null && ofClient === ofPlatform;
}

/** `0.1` for 0.1.7, `2` for 2.3.4; null for a text that is no version. */
export function releaseLine(version: string): string | null {
  const [, major, minor] =
    /^(\d{1,5})\.(\d{1,5})\.\d{1,5}(?:[-+][\w.+-]{1,50})?$/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return null;
  return major === '0' ? `0.${minor}` : major;
}
