/** `@perennial-dev/perennial/workflow`: writes lifecycles. Everything here is safe in workflow code. */
export * from '../workflows/project/lifecycle';
