import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest, preParsingHookHandler } from 'fastify';
import type { AdmittedRequest, RequestAdmission } from '../inference/admission';

/**
 * Takes a place for each request before its body is read, because reading it is most of the work,
 * and frees it when the answer has left or the client has hung up. The platform's own requests need
 * no place: they are few, and a refusal would fail a run.
 */
export function admitRequests(
  app: FastifyInstance,
  admission: Pick<RequestAdmission, 'enter'>,
): preParsingHookHandler {
  if (!app.hasRequestDecorator('place')) app.decorateRequest('place', null);
  return (request, reply, _body, done) => {
    const { caller, params, raw } = request;
    if (caller.isService) {
      done();
      return;
    }
    try {
      const [model = ''] = (params as { readonly model: string }).model.split('@');
      const place = admission.enter(caller.tenant, model);
      request.place = place;
      const places = placesOn(raw.socket);
      places.add(place);
      reply.raw.once('close', () => {
        places.delete(place);
        place.leave();
      });
      // The client may have hung up while the key was checked: then no event follows.
      if (raw.socket.destroyed) place.leave();
      done();
    } catch (error) {
      done(error as Error);
    }
  };
}

/** Does the work of a request for which others of its model wait. */
export async function working<T>(
  { place }: Pick<FastifyRequest, 'place'>,
  work: () => Promise<T>,
): Promise<T> {
  const end = place?.begin();
  try {
    return await work();
  } finally {
    end?.();
  }
}

const placesOf = new WeakMap<Socket, Set<AdmittedRequest>>();

/**
 * The places of a connection, freed when it closes. A response emits `close` only once it is the
 * first of its connection, which the response to a pipelined request may never be.
 */
function placesOn(socket: Socket): Set<AdmittedRequest> {
  const known = placesOf.get(socket);
  if (known !== undefined) return known;
  const places = new Set<AdmittedRequest>();
  placesOf.set(socket, places);
  socket.once('close', () => {
    for (const place of places) place.leave();
  });
  return places;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The place of an inference request; null for the platform's own. */
    place: AdmittedRequest | null;
  }
}
