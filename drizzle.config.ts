import { defineConfig } from 'drizzle-kit';

/**
 * `npx drizzle-kit generate --name what-changed` after a change of a schema under db/; see
 * db/migrate.ts for what may then be edited by hand.
 */
export default defineConfig({
  dialect: 'postgresql',
  schema: './db/*/*schema.ts',
  out: './db/migrations',
});
