/** The build of the pages. bin/provision/web/pages.mjs runs it and compresses the files. */
export default {
  base: '/',
  mode: 'production',
  // Tests build with another NODE_ENV, which would pack the slow forms of the libraries.
  oxc: { jsx: { runtime: 'automatic', development: false } },
  define: { 'process.env.NODE_ENV': '"production"' },
  build: {
    target: 'es2022',
    // Every file is a file of its own, because the policy of the API allows no `data:` scripts.
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      // Libraries mark components for servers, which these pages do not have.
      onLog: (level, log, next) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') next(level, log);
      },
    },
  },
};
