import type { BodyOf } from '../../client/operation';
import type { CliContext } from '../context';

/**
 * Applies a lifecycle of the demo, prints it, and returns the digest of the revision. The demo approves a looser policy itself, like an
 * admin who works alone.
 */
export async function applyForDemo(
  context: CliContext,
  lifecycle: string,
  { body, from }: { readonly body: object; readonly from: string },
): Promise<string> {
  const path = { name: lifecycle };
  const applied = await context.api().call('PUT /lifecycles/{name}', {
    path,
    body: body as BodyOf<'PUT /lifecycles/{name}'>,
  });
  const { revision, digest, state } = applied;
  const isLooser = state === 'pending';
  if (isLooser) {
    const accepted = { reason: `applied by the demo from ${from}`, selfApprove: true };
    await context.api().call('POST /lifecycles/{name}/revisions/{revision}/approve', {
      path: { ...path, revision },
      body: accepted,
    });
  }
  const how = isLooser ? '; it loosens the policy, which the audit log records' : '';
  context.terminal.say(`${lifecycle}: revision ${revision} applied from ${from}${how}`);
  return digest;
}
