/**
 * Writes the types of the API client from the routes of the API:
 * `node -r tsx/cjs scripts/api-client.ts`. With `--check`, only compares them; exit 1 if they differ.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiClientTypes } from './api-client-types';

const path = join(__dirname, '..', 'apps', 'client', 'openapi.d.ts');

void apiClientTypes().then((types) => {
  if (!process.argv.includes('--check')) writeFileSync(path, types);
  else if (readFileSync(path, 'utf8') !== types) {
    console.error('apps/client/openapi.d.ts differs from the API');
    console.error('next: node -r tsx/cjs scripts/api-client.ts');
    process.exitCode = 1;
  }
});
