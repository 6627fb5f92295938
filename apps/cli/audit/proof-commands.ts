import { resolve } from 'node:path';
import type { Command } from 'commander';
import { proofProblem } from '../../../db/audit/check-proof';
import type { AuditProof } from '../../../db/audit/records';
import { auditProof } from '../../api/audit/view';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { jsonEscaped, jsonText } from '../harmless';
import { readTextFile } from '../text-file';
import { wholeFileAt, writeWhole } from '../whole-file';

interface ProveOptions {
  readonly output?: string;
}

interface CheckOptions {
  readonly key: readonly string[];
}

export function proveCommand(audit: Command, context: CliContext): void {
  const { settings, terminal } = context;
  audit
    .command('prove <id>')
    .description('Print a proof that a row is in the sealed log, for someone without access to it')
    .option('--output <file>', 'Write the proof to this file')
    .action(async (id: string, { output }: ProveOptions) => {
      const file = output === undefined ? null : wholeFileAt(output, settings.cwd);
      const proof = await context.api().call('GET /audit/{id}/proof', { path: { id } });
      if (file === null) {
        terminal.out(jsonText(proof));
        return;
      }
      await writeWhole(file, (write) => write(`${jsonText(proof)}\n`));
      terminal.say(
        `the proof is in ${file.shown}; check it with: perennial audit check-proof ${file.shown} --key <fingerprint>`,
      );
    });
}

export function checkProofCommand(audit: Command, { settings, terminal }: CliContext): void {
  audit
    .command('check-proof <file>')
    .description(
      'Check a proof of `audit prove`, without the platform; exit 1 if it proves nothing',
    )
    .requiredOption(
      '--key <fingerprint...>',
      'Fingerprints of the keys that you trust, which were noted from `perennial audit keys`',
    )
    .action((shown: string, { key }: CheckOptions) => {
      const proof = parseProof(shown, readTextFile(resolve(settings.cwd, shown), shown));
      const wrong = proofProblem(proof, key);
      if (wrong !== null)
        throw new CliError(
          `${shown} proves nothing: ${wrong}`,
          1,
          'compare the fingerprint with the one that you noted, or ask for the proof again',
        );
      const { batch, first, sealedAt } = proof.head;
      terminal.say(`row ${first + proof.index} was sealed in batch ${batch} on ${sealedAt}:`);
      terminal.out(jsonEscaped(proof.content));
    });
}

function parseProof(shown: string, text: string): AuditProof {
  const next = 'make one with: perennial audit prove <id> --output <file>';
  try {
    return auditProof.parse(JSON.parse(text)) as AuditProof;
  } catch {
    throw new CliError(`${shown} is not a proof of an audit row`, 2, next);
  }
}
