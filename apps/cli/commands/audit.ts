import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CliError } from '../cli-error';
import type { CliAuditKeys, CliContext } from '../context';
import type { Finish } from '../main';
import { wholeNumber } from '../numbers';
import { showList } from '../list-view';
import { jsonText } from '../harmless';
import { wholeFileAt, writeWhole } from '../whole-file';

interface AuditRowJson {
  readonly at: string;
  readonly actor: string;
  readonly keyId: string | null;
  readonly action: string;
  readonly subject: string;
  readonly cause: string;
  readonly sealedAs: number | null;
}

interface AuditReportJson {
  readonly rows: number;
  readonly batches: number;
  readonly unsealed: number;
  readonly unsealedSince: string | null;
  readonly checkpoint: { readonly batch: number; readonly digest: string } | null;
  readonly trustedBy: 'setting' | 'ownKey' | 'firstKey';
  readonly keys: readonly { readonly fingerprint: string }[];
  readonly copies: readonly { readonly place: string; readonly heads: number; readonly waiting: number }[];
  readonly findings: readonly FindingJson[];
  readonly furtherFindings: number;
}

interface FindingJson {
  readonly kind: string;
  readonly sealedAs?: number;
  readonly batch?: number;
  readonly keyId?: string;
  readonly detail: string;
}

interface AuditKeyJson {
  readonly keyId: string;
  readonly fingerprint: string;
  readonly kind: string;
  readonly previous: string | null;
  readonly fromBatch: number;
  readonly addedAt: string;
  readonly addedBy: string;
}

interface ListOptions {
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

/** The longest that a log of millions of rows takes. */
const verifySeconds = 6 * 3600;

export function auditCommands(program: Command, context: CliContext & { readonly auditKeys: () => CliAuditKeys }, finish: Finish): void {
  const audit = program.command('audit').description('Show who changed what, and verify that the record of it is whole');
  listCommand(audit, context);
  verifyCommand(audit, context, finish);
  keyCommands(audit, context);
}

function listCommand(audit: Command, context: CliContext): void {
  audit
    .command('list')
    .description('changes, newest first')
    .option('--subject <subject>', 'such as model:flight-delay or run:run_…')
    .option('--action <action>', 'such as alias.promote')
    .option('--limit <n>', 'at most so many', wholeNumber(1), 50)
    .option('--json', 'print as JSON')
    .action(async ({ subject, action, limit, json }: ListOptions) => {
      const query = new URLSearchParams({ ...(subject === undefined ? {} : { subject }), ...(action === undefined ? {} : { action }) });
      const items = await context.api().list<AuditRowJson>(`/audit?${query.toString()}`, limit);
      showList(context.terminal, {
        items,
        json,
        columns: ['WHEN', 'WHO', 'KEY', 'WHAT', 'OF', 'WHY', 'SEALED AS'],
        row: (row) => [
          row.at,
          row.actor,
          row.keyId ?? '',
          row.action,
          row.subject,
          row.cause,
          row.sealedAs === null ? '' : String(row.sealedAs),
        ],
        none: { what: 'no such changes', next: 'perennial audit list' },
      });
    });
}

function verifyCommand(audit: Command, context: CliContext, finish: Finish): void {
  const { terminal, settings } = context;
  audit
    .command('verify')
    .description('Look for rows that were changed, removed or rewritten since they were sealed; exit 1 when there are some')
    .option('--from <checkpoint>', 'verify what was sealed after this <batch>:<digest> alone; the default is the whole log')
    .option('--checkpoint-file <file>', 'begin from the checkpoint in this file, and write the new one to it when nothing was found')
    .option('--json', 'print as JSON')
    .action(async (options: VerifyOptions) => {
      const file = options.checkpointFile === undefined ? null : wholeFileAt(options.checkpointFile, settings.cwd);
      const kept = options.checkpointFile === undefined ? undefined : checkpointIn(resolve(settings.cwd, options.checkpointFile));
      const from = options.from ?? kept;
      const query = from === undefined ? '' : `?from=${encodeURIComponent(from)}`;
      const report = await context.api().call<AuditReportJson>(`/audit/verify${query}`, { timeoutSeconds: verifySeconds });
      if (options.json === true) terminal.out(jsonText(report));
      else terminal.out(report.findings.length === 0 ? wholeText(report, from) : findingsText(report));
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
    ({ place, waiting }) => `compared with the copies in ${place}${waiting > 0 ? `; ${waiting} heads wait to be copied` : ''}`,
  );
  const trust = {
    setting: 'keys are trusted by PERENNIAL_AUDIT_TRUSTED_KEYS',
    ownKey: 'keys are trusted by the key of the API’s machine',
    firstKey: `keys are trusted by the first registered key, ${keys[0]?.fingerprint ?? 'which is not there yet'}: compare it with the one you noted`,
  }[trustedBy];
  return [
    `${rows} rows in ${batches} sealed batches${after} are whole, and ${unsealed} wait to be sealed${since}`,
    ...(compared.length === 0 ? ['no copies were compared'] : compared),
    trust,
    ...(checkpoint === null ? [] : [`checkpoint ${checkpoint.batch}:${checkpoint.digest}`]),
  ].join('\n');
}

function findingsText({ findings, furtherFindings }: AuditReportJson): string {
  const lines = findings.map(({ kind, sealedAs, batch, keyId, detail }) => {
    const where = sealedAs !== undefined ? `row ${sealedAs}` : batch !== undefined ? `batch ${batch}` : `key ${keyId ?? '?'}`;
    return `${kind} at ${where}: ${detail}`;
  });
  return [...lines, ...(furtherFindings > 0 ? [`and ${furtherFindings} more`] : [])].join('\n');
}

function keyCommands(audit: Command, context: CliContext & { readonly auditKeys: () => CliAuditKeys }): void {
  const { terminal, auditKeys } = context;
  audit
    .command('keys')
    .description('List the keys that sign the audit log, with their fingerprints')
    .option('--json', 'print as JSON')
    .action(async ({ json }: { readonly json?: true }) => {
      const { items } = await context.api().call<{ items: readonly AuditKeyJson[] }>('/audit/keys');
      showList(terminal, {
        items,
        json,
        columns: ['KEY', 'KIND', 'FROM BATCH', 'ADDED', 'BY', 'FINGERPRINT'],
        row: (key) => [key.keyId, key.kind, String(key.fromBatch), key.addedAt, key.addedBy, key.fingerprint],
        none: { what: 'no audit keys yet', next: 'the first is registered when the first rows are sealed' },
      });
    });

  audit
    .command('new-key')
    .description('Make a key on a further machine that is to seal too, and print its request for add-key')
    .requiredOption(
      '--previous <fingerprint>',
      'of the key that is to endorse it, as `perennial audit keys` shows it on the machine that holds it',
    )
    .action(async ({ previous }: { readonly previous: string }) => {
      const { fingerprint, place, request } = await auditKeys().newKey({ previous });
      terminal.say(`the key ${fingerprint} is in ${place}; on the machine that holds ${previous}, run: perennial audit add-key <request>`);
      terminal.out(request);
    });

  audit
    .command('add-key <request>')
    .description('Endorse the key of a further machine with the key of this one; run it where the key is, with the settings of a worker')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .action(async (request: string, { reason }: { readonly reason: string }) => {
      const { keyId, fingerprint, fromBatch } = await auditKeys().addKey({ request, reason: said(reason) });
      terminal.out(`the key ${keyId} (${fingerprint}) may seal from batch ${fromBatch} on`);
    });

  audit
    .command('rotate-key')
    .description('Replace the key of this machine; batches that the old one sealed still verify. Run it with the settings of a worker')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .option('--lost [key]', 'replace a key whose private half is gone: no key endorses the new one, so verifiers must be told to trust it')
    .option('--new-key-file <file>', 'write the new key there, and leave it to you to give it to the workers')
    .action(
      async ({ reason, lost, newKeyFile }: { readonly reason: string; readonly lost?: string | true; readonly newKeyFile?: string }) => {
        const made = await auditKeys().rotateKey({ reason: said(reason), lost, newKeyFile });
        const next = made.isInPlace ? 'workers take it by themselves' : 'sealing waits until the workers have it';
        terminal.out(
          `the key ${made.keyId} (${made.fingerprint}) seals from batch ${made.fromBatch} on; it is in ${made.place}, and ${next}`,
        );
        if (lost !== undefined) terminal.say(`elsewhere, set PERENNIAL_AUDIT_TRUSTED_KEYS=${made.fingerprint}`);
      },
    );
}

function said(reason: string): string {
  if (reason.trim() === '') throw new CliError('--reason is empty', 2, 'say why, for the audit log');
  return reason.trim();
}
