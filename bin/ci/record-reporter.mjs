/**
 * A reporter of jest that records each finished file at once: `npm run test:all` goes on from
 * these records, and the seconds of shards.json are from them.
 */
import { relative } from 'node:path';
import { root } from '../provision.mjs';
import { appendRecord } from './records.mjs';

export default class {
  onTestResult(test, result) {
    const file = relative(root, test.path);
    const tier = test.context.config.displayName?.name;
    const { start, end } = result.perfStats;
    appendRecord({
      id: tier === 'machines' && file.includes('.e2e.') ? `machines:${file}` : file,
      seconds: (end - start) / 1000,
      passed: result.numPassingTests,
      failed: result.numFailingTests + (result.testExecError ? 1 : 0),
    });
  }
}
