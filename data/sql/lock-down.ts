import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteText } from './platform-sql';

/**
 * Restricts the database to `directory` (or to no file at all), without extensions and network. The
 * configuration cannot be changed afterwards. The time zone is UTC.
 */
export async function lockDownDatabase(
  connection: DuckDBConnection,
  directory: string | null,
): Promise<void> {
  for (const setting of [
    "TimeZone = 'UTC'",
    ...(directory === null ? [] : [`allowed_directories = [${quoteText(directory)}]`]),
    'autoinstall_known_extensions = false',
    'autoload_known_extensions = false',
    'allow_community_extensions = false',
    'enable_external_access = false',
    'lock_configuration = true',
  ]) {
    await connection.run(`SET ${setting}`);
  }
}
