import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CliError } from '../cli-error';
import type { CliAuditKeys, CliContext } from '../context';
import type { Finish } from '../finish';
import { wholeNumber } from '../numbers';
import { showList } from '../list-view';
import { jsonText } from '../harmless';
import { wholeFileAt, writeWhole } from '../whole-file';
import type { AuditReportJson } from '../../api/audit/view';
import { checkProofCommand, proveCommand } from './proof-commands';

interface AuditListOptions {
  readonly subject?: string;
  readonly action?: string;
  readonly limit: number;
  readonly json?: true;
}

interface VerifyOptions {
  readonly from?: string;
  readonly checkpointFile?: string;
  readonly json?: true;
}

/** Long enough for a log of millions of rows. */
const verifySeconds = 6 * 3600;

export function auditCommands(
  program: Command,
  context: CliContext & { readonly auditKeys: () => CliAuditKeys },
  finish: Finish,
): void {
  const audit = program.command('audit').description('Read and verify the audit log');
  listCommand(audit, context);
  verifyCommand(audit, context, finish);
  proveCommand(audit, context);
  checkProofCommand(audit, context);
  keyCommands(audit, context);
}

function listCommand(audit: Command, context: CliContext): void {
  audit
    .command('list')
    .description('List changes, newest first')
    .option(
      '--subject <subject>',
      'Only changes to this subject, such as model:flight-delay or run:run_…',
    )
    .option('--action <action>', 'Only this action, such as alias.promote')
    .option('--limit <n>', 'Maximum number of changes', wholeNumber(1), 50)
    .option('--json', 'Print as JSON')
    .action(async ({ subject, action, limit, json }: AuditListOptions) => {
      const query = { subject, action };
      const items = await context.api().list('GET /audit', { query }, limit);
      showList(context.terminal, {
        items,
        json,
        columns: ['ID', 'WHEN', 'WHO', 'KEY', 'WHAT', 'OF', 'WHY', 'SEALED AS'],
        row: (row) => [
          row.id,
          row.at,
          row.actor,
          row.keyId ?? '',
          row.action,
          row.subject,
          row.cause,
          row.sealedAs === null ? '' : String(row.sealedAs),
        ],
        none: { what: 'no matching changes', next: 'perennial audit list' },
      });
    });
}

function verifyCommand(audit: Command, context: CliContext, finish: Finish): void {
  const { terminal, settings } = context;
  audit
    .command('verify')
    .description(
      'Find rows that were changed, removed or rewritten after they were sealed; exit 1 if there are any',
    )
    .option(
      '--from <checkpoint>',
      'Verify only what was sealed after this <batch>:<digest> (default: the whole log)',
    )
    .option(
      '--checkpoint-file <file>',
      'Start from the checkpoint in this file; write the new checkpoint to it if nothing was found',
    )
    .option('--json', 'Print as JSON')
    .action(async (options: VerifyOptions) => {
      const file =
        options.checkpointFile === undefined
          ? null
          : wholeFileAt(options.checkpointFile, settings.cwd);
      const kept =
        options.checkpointFile === undefined
          ? undefined
          : checkpointIn(resolve(settings.cwd, options.checkpointFile));
      const from = options.from ?? kept;
      const report = await context
        .api()
        .call('GET /audit/verify', { query: { from }, timeoutSeconds: verifySeconds });
      if (options.json === true) terminal.out(jsonText(report));
      else
        terminal.out(report.findings.length === 0 ? wholeText(report, from) : findingsText(report));
      const { checkpoint } = report;
      if (file !== null && checkpoint !== null && report.findings.length === 0) {
        await writeWhole(file, (write) => write(`${checkpoint.batch}:${checkpoint.digest}\n`));
      }
      finish(report.findings.length === 0 ? 0 : 1);
    });
}

function checkpointIn(path: string): string | undefined {
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  return text === '' ? undefined : text;
}

function wholeText(report: AuditReportJson, from: string | undefined): string {
  const { rows, batches, unsealed, unsealedSince, copies, checkpoint, trustedBy, keys } = report;
  const after = from === undefined ? '' : ` after batch ${from.split(':')[0] ?? ''}`;
  const since = unsealedSince === null ? '' : ` since ${unsealedSince}`;
  const compared = copies.map(
    ({ place, waiting }) =>
      `compared with the copies in ${place}${waiting > 0 ? `; ${waiting} batch heads are not copied yet` : ''}`,
  );
  const trust = {
    setting: 'trusted keys: PERENNIAL_AUDIT_TRUSTED_KEYS',
    ownKey: 'trusted keys: the key of the API’s machine',
    firstKey: `trusted keys: the first registered key, ${keys[0]?.fingerprint ?? 'not registered yet'}; compare it with the fingerprint that you noted`,
  }[trustedBy];
  return [
    `${rows} rows in ${batches} sealed batches${after} are unchanged; ${unsealed} rows are not sealed yet${since}`,
    ...(compared.length === 0 ? ['no copies were compared'] : compared),
    trust,
    ...(checkpoint === null ? [] : [`checkpoint ${checkpoint.batch}:${checkpoint.digest}`]),
  ].join('\n');
}

function findingsText({ findings, furtherFindings }: AuditReportJson): string {
  const lines = findings.map(({ kind, sealedAs, batch, keyId, detail }) => {
    const where =
      sealedAs !== undefined
        ? `row ${sealedAs}`
        : batch !== undefined
          ? `batch ${batch}`
          : `key ${keyId ?? '?'}`;
    return `${kind} at ${where}: ${detail}`;
  });
  return [...lines, ...(furtherFindings > 0 ? [`and ${furtherFindings} more`] : [])].join('\n');
}

function keyCommands(
  audit: Command,
  context: CliContext & { readonly auditKeys: () => CliAuditKeys },
): void {
  const { terminal, auditKeys } = context;
  audit
    .command('keys')
    .description('List the keys that sign the audit log, with their fingerprints')
    .option('--json', 'Print as JSON')
    .action(async ({ json }: { readonly json?: true }) => {
      const { items } = await context.api().call('GET /audit/keys');
      showList(terminal, {
        items,
        json,
        columns: ['KEY', 'KIND', 'FROM BATCH', 'ADDED', 'BY', 'FINGERPRINT'],
        row: (key) => [
          key.keyId,
          key.kind,
          String(key.fromBatch),
          key.addedAt,
          key.addedBy,
          key.fingerprint,
        ],
        none: {
          what: 'no audit keys yet',
          next: 'the first key is registered when the first rows are sealed',
        },
      });
    });

  audit
    .command('new-key')
    .description('Create a signing key on another machine and print its request for add-key')
    .requiredOption(
      '--previous <fingerprint>',
      'Fingerprint of the key that will endorse the new one, from `perennial audit keys`',
    )
    .action(async ({ previous }: { readonly previous: string }) => {
      const { fingerprint, place, request } = await auditKeys().newKey({ previous });
      terminal.say(
        `key ${fingerprint} stored in ${place}; on the machine that holds ${previous}, run: perennial audit add-key <request>`,
      );
      terminal.out(request);
    });

  audit
    .command('add-key <request>')
    .description(
      'Endorse the key of another machine; run it on the machine of the endorsing key, with a worker’s settings',
    )
    .requiredOption('--reason <text>', 'Reason, for the audit log (required)')
    .action(async (request: string, { reason }: { readonly reason: string }) => {
      const { keyId, fingerprint, fromBatch } = await auditKeys().addKey({
        request,
        reason: explainReason(reason),
      });
      terminal.out(`key ${keyId} (${fingerprint}) may seal from batch ${fromBatch}`);
    });

  audit
    .command('rotate-key')
    .description(
      'Replace the key of this machine, with a worker’s settings; batches that the old key sealed still verify',
    )
    .requiredOption('--reason <text>', 'Reason, for the audit log (required)')
    .option(
      '--lost [key]',
      'Replace a key whose private part is lost; verifiers must then be configured to trust the new key',
    )
    .option(
      '--new-key-file <file>',
      'Write the new key to this file; you must then copy it to the workers',
    )
    .action(
      async ({
        reason,
        lost,
        newKeyFile,
      }: {
        readonly reason: string;
        readonly lost?: string | true;
        readonly newKeyFile?: string;
      }) => {
        const made = await auditKeys().rotateKey({
          reason: explainReason(reason),
          lost,
          newKeyFile,
        });
        const next = made.isInPlace
          ? 'workers start to use it automatically'
          : 'sealing pauses until the workers have it';
        terminal.out(
          `key ${made.keyId} (${made.fingerprint}) seals from batch ${made.fromBatch}; it is in ${made.place}, and ${next}`,
        );
        if (lost !== undefined)
          terminal.say(
            `on the other machines, set PERENNIAL_AUDIT_TRUSTED_KEYS=${made.fingerprint}`,
          );
      },
    );
}

function explainReason(reason: string): string {
  if (reason.trim() === '')
    throw new CliError('--reason is empty', 2, 'state the reason for the audit log');
  return reason.trim();
}
