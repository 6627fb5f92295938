import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A program out of an environment of stock clients, which `npm run test:clients` makes. */
export function clientProgram(
  environment: 'requirements' | 'mlserver' | 'mlflow',
  name: string,
): string {
  const program = join(
    resolve(__dirname, '..', '..'),
    '.perennial',
    'clients',
    environment,
    'bin',
    name,
  );
  if (!existsSync(program))
    throw new Error('the stock clients are not on this machine: npm run test:clients fetches them');
  return program;
}
