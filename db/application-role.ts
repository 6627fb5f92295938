import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { failure, isPerennialError } from '../domain/failure';
import { advisoryLocks } from './advisory-locks';
import { openDatabase, type Database, type Transaction } from './connection';
import { asFailure } from './failures';

/**
 * The role with which API, workers and gateways connect. It owns nothing and is no superuser, so it
 * can neither change tables nor switch off the triggers that keep the audit log append-only.
 */
export interface ApplicationRole {
  readonly name: string;
  readonly password: string;
}

/** The role that a database address names; null if it has no user. */
function applicationRole(url: string): ApplicationRole | null {
  const { username, password } = new URL(url);
  return username === ''
    ? null
    : { name: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/**
 * Creates the role of `url` if it is missing, and gives it the rights on the migrated tables and on
 * those of later migrations. `owner` is connected as the owner of the tables. A second call changes
 * nothing. Refuses a role that could take the owner's rights.
 */
export async function grantApplicationRole(owner: Database, url: string): Promise<void> {
  const role = applicationRole(url);
  if (role === null)
    throw failure('InvalidInput', `the address of the database ${owner.target} names no user`, {
      next: 'name the user of the processes in PERENNIAL_DATABASE_URL',
    });
  try {
    const isOpen = await canConnect(url);
    await owner.sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${advisoryLocks.migrations})`;
      if (!isOpen) await setLogin(tx, role);
      await assertHarmless(tx, role.name);
      await grant(tx, role.name);
    });
  } catch (error) {
    throw asFailure(error);
  }
}

/**
 * Whether the role of this connection owns the migrated tables or is a superuser. It can then switch
 * off triggers.
 */
export async function ownsTables({ sql }: Database): Promise<boolean> {
  const [row] = await sql<{ owns: boolean }[]>`
    select r.rolsuper or pg_has_role(c.relowner, 'usage') as owns
    from pg_class c, pg_roles r
    where c.relname = 'audit_log' and c.relnamespace = 'public'::regnamespace
      and r.rolname = current_user`;
  return row?.owns ?? false;
}

async function canConnect(url: string): Promise<boolean> {
  const database = openDatabase({ url, maxConnections: 2 });
  try {
    await database.sql`select 1`;
    return true;
  } catch (error) {
    const cause = asFailure(error);
    // The role is missing, or has another password.
    if (isPerennialError(cause) && cause.type === 'Forbidden') return false;
    throw cause;
  } finally {
    await database.close();
  }
}

async function setLogin(tx: Transaction, { name, password }: ApplicationRole): Promise<void> {
  const [found] = await tx`select from pg_roles where rolname = ${name}`;
  const verb = found ? 'alter' : 'create';
  const [statement] = await tx<{ text: string }[]>`
    select format(${`${verb} role %I login password %L`}, ${name}::text, ${computeVerifier(password)}::text) as text`;
  try {
    await tx.unsafe(statement?.text ?? '');
  } catch (error) {
    throw failure(
      'Forbidden',
      `the owner of the tables may not ${verb} the role ${name} of PERENNIAL_DATABASE_URL`,
      {
        cause: error,
        next: `as an administrator of PostgreSQL: ${verb} role ${name} login password '…'`,
      },
    );
  }
}

async function assertHarmless(tx: Transaction, name: string): Promise<void> {
  const [role] = await tx<{ isPowerful: boolean; isOwner: boolean }[]>`
    select rolsuper or rolcreaterole or rolreplication or rolbypassrls as is_powerful,
      pg_has_role(oid, current_user, 'member') as is_owner
    from pg_roles where rolname = ${name}`;
  if (role === undefined || role.isPowerful || role.isOwner)
    throw failure(
      'InvalidInput',
      `the role ${name} of PERENNIAL_DATABASE_URL is a superuser, may make roles, or has the ` +
        'rights of the owner of PERENNIAL_DATABASE_OWNER_URL',
      { next: 'name another role in PERENNIAL_DATABASE_URL; setup creates it if it is missing' },
    );
}

/** Append-only tables are those with the trigger that refuses changes (0000_registry.sql). */
async function grant(tx: Transaction, name: string): Promise<void> {
  const role = tx(name);
  await tx`revoke create on schema public from public`;
  await tx`revoke all on all tables in schema public from ${role}`;
  await tx`grant usage on schema public to ${role}`;
  await tx`grant select, insert, update, delete on all tables in schema public to ${role}`;
  await tx`grant usage, select on all sequences in schema public to ${role}`;
  await tx`grant execute on all functions in schema public to ${role}`;
  await tx`revoke insert, update, delete on perennial_migrations from ${role}`;
  const appendOnly = await tx<{ name: string }[]>`
    select distinct c.relname as name from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where t.tgfoid = 'public.perennial_refuse_change'::regproc order by 1`;
  for (const table of appendOnly) await tx`revoke update, delete on ${tx(table.name)} from ${role}`;
  await tx`alter default privileges in schema public
    grant select, insert, update, delete on tables to ${role}`;
  await tx`alter default privileges in schema public grant usage, select on sequences to ${role}`;
  await tx`alter default privileges in schema public grant execute on functions to ${role}`;
}

/**
 * What PostgreSQL stores for SCRAM-SHA-256 (RFC 5802), so that the password is in no log of a
 * statement.
 */
function computeVerifier(password: string): string {
  const [salt, iterations] = [randomBytes(16), 4096];
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256');
  const sign = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(sign('Client Key')).digest('base64');
  const server = sign('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${server}`;
}
