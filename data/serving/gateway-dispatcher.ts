import { Agent, getGlobalDispatcher, type Dispatcher } from 'undici';

/**
 * For requests to the own addresses of gateways. A server name is the one that their certificates
 * have, where the addresses differ from it: pods of Kubernetes have only IP addresses.
 */
export function openGatewayDispatcher(serverName: string | null): Dispatcher {
  return serverName === null
    ? getGlobalDispatcher()
    : new Agent({ connect: { servername: serverName } });
}
