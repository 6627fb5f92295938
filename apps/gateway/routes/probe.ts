import type { FastifyInstance } from 'fastify';
import { failure, type Issue } from '../../../domain/failure';
import { record } from '../inference/request-tensor';
import type { VersionPicker } from '../routing/version-picker';

/**
 * `POST /internal/probe`: load a version and make one inference before its promotion. The version
 * stays in memory if there is room.
 */
export function probeRoutes(
  app: FastifyInstance,
  { picker }: { readonly picker: VersionPicker },
): void {
  app.post('/internal/probe', async (request) => {
    const { model, version } = parse(request.body, request.caller.tenant);
    const served = await picker.load(request.caller.tenant, model, version);
    served.hold.release();
    return { model, version, digest: served.digest };
  });
}

function parse(
  body: unknown,
  tenant: string,
): { readonly model: string; readonly version: number } {
  const given = record(body) ?? {};
  const { model, version } = given;
  const issues: Issue[] = [];
  if (typeof model !== 'string')
    issues.push({ pointer: '/model', detail: '`model` must be the name of a model' });
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) {
    issues.push({ pointer: '/version', detail: '`version` must be the number of a version' });
  }
  if (issues.length > 0)
    throw failure('InvalidInput', issues.map(({ detail }) => detail).join('; '), { issues });
  if (given['tenant'] !== undefined && given['tenant'] !== tenant)
    throw failure('Forbidden', 'this key belongs to another tenant');
  return { model: model as string, version: version as number };
}
