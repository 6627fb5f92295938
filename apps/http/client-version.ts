import type { FastifyInstance } from 'fastify';
import {
  clientVersionHeader,
  isCompatible,
  perennialVersion,
  releaseLine,
} from '../../domain/version';
import { HttpProblem } from './problem';

/**
 * Refuses a request of a client whose version does not fit, before it has any effect. Requests
 * without the header, such as those of curl, are not checked.
 */
export function checkClientVersions(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _, done) => {
    const given = request.headers[clientVersionHeader];
    const version = given === undefined ? null : String(given);
    const fits = version === null || isCompatible(version, perennialVersion);
    done(fits ? undefined : incompatible(version));
  });
}

function incompatible(version: string): HttpProblem {
  const line = releaseLine(perennialVersion) ?? perennialVersion;
  const theirs = releaseLine(version);
  if (theirs === null)
    return new HttpProblem(
      400,
      'InvalidInput',
      `the header ${clientVersionHeader} must be a version such as ${perennialVersion}`,
    );
  return new HttpProblem(
    400,
    'ClientIncompatible',
    `the client has version ${version} and the API has version ${perennialVersion}; ` +
      'they do not work together',
    `install the client of version ${line} (docs/guides/python-client.md, ` +
      `docs/guides/typescript-client.md), or run a platform of version ${theirs}`,
  );
}
