import './global-setup';

export default async function tearDownPlatform(): Promise<void> {
  await globalThis.stopTestPlatform?.();
}
