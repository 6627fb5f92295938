/** What checks a lifecycle, in one module: commands load it with DuckDB only when they need it. */
export { checkLifecycle } from './check-lifecycle';
export { openSourceTables } from './source-tables';
export { profileFile } from './profile-file';
