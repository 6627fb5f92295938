/** The token of gateways in tests, with which a scrape shows the series of all tenants. */
export const metricsToken = 'a-token-that-only-prometheus-has';

/** The metrics of a gateway, with all names. */
export async function scrape(url: string): Promise<string> {
  const headers = { authorization: `Bearer ${metricsToken}` };
  return (await fetch(`${url}/metrics`, { headers })).text();
}

/** The answer of `/readyz` of a gateway, with all names. */
export async function readState(url: string): Promise<string> {
  const headers = { authorization: `Bearer ${metricsToken}` };
  return (await fetch(`${url}/readyz`, { headers })).text();
}
