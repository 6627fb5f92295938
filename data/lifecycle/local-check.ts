/** Lifecycle checks in one module, so that commands load DuckDB only when they need it. */
export { checkLifecycle } from './check-lifecycle';
export { openSourceTables } from './source-tables';
export { profileFile } from './profile-file';
