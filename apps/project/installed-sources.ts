import type { BundleOptions } from '@temporalio/worker';

export type WebpackConfig = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];

/**
 * Lets Temporal's bundler compile TypeScript in node_modules, where the sources of an installed
 * package are. Its own rule leaves them out.
 */
export function compileInstalledSources(config: WebpackConfig): WebpackConfig {
  const rules = config.module?.rules?.map((rule) =>
    rule !== null && typeof rule === 'object' && isRuleOfTypeScript(rule.test)
      ? { ...rule, exclude: /\.d\.ts$/ }
      : rule,
  );
  return rules ? { ...config, module: { ...config.module, rules } } : config;
}

function isRuleOfTypeScript(test: unknown): boolean {
  return test instanceof RegExp && test.source === String.raw`\.ts$`;
}
