import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseLifecycle } from '../../domain/lifecycle/document';
import { toDocument } from '../../domain/lifecycle/plan';
import type { LifecycleSpec } from '../../domain/lifecycle/revision';

const samples = resolve(__dirname, '..', '..', 'samples');
const lifecycles = readdirSync(samples, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('lifecycle.yaml'))
  .map((path) => path.slice(0, -'/lifecycle.yaml'.length));

/** What `lifecycle show` prints can be applied again, and makes no other revision. */
test.each(lifecycles)('%s reads the same when its spec is written out in full', (name) => {
  const folder = join(samples, name);
  const files = Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(yaml|sql|ndjson)$/.test(path))
      .map((path) => [path, readFileSync(join(folder, path), 'utf8')]),
  );
  const read = (document: unknown): LifecycleSpec => {
    const parsed = parseLifecycle({ document, fileName: 'lifecycle.yaml', files, folder });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    return parsed.spec;
  };
  const spec = read(files['lifecycle.yaml']);
  expect(read(toDocument(spec))).toEqual(spec);
});
