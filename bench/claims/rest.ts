// Clients of the REST API in a closed loop: each claims a project of its own, releases it, and
// begins again. Fifty of them keep fifty requests in flight.
import { Agent, request } from 'node:http';

export class RestClient {
  readonly #url: string;
  readonly #projectId: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(url: string, projectId: string, accessToken?: string) {
    this.#url = url;
    this.#projectId = projectId;
    this.#headers = {
      'content-type': 'application/json',
      ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` }),
    };
  }

  /** A guest of the demo with a project of its own. */
  static async guest(server: string): Promise<RestClient> {
    const api = `${server}/api/v1`;
    const { accessToken } = (await send(`${api}/auth/guest`, {}, {})) as { accessToken: string };
    const headers = { authorization: `Bearer ${accessToken}` };
    const { id } = (await send(`${api}/projects`, headers, { name: 'Bench' })) as { id: string };
    return new RestClient(api, id, accessToken);
  }

  /** Claims and releases until then; the latency of each request. */
  async loop(untilMs: number): Promise<number[]> {
    const latencies: number[] = [];
    while (performance.now() < untilMs) {
      const startedMs = performance.now();
      const { claimToken } = await this.#post('claim', {});
      const grantedMs = performance.now();
      await this.#post('release', { claimToken });
      latencies.push(grantedMs - startedMs, performance.now() - grantedMs);
    }
    return latencies;
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(verb: string, body: object): Promise<{ claimToken?: string }> {
    const options = { method: 'POST', agent: this.#agent, headers: this.#headers };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#url}/projects/${this.#projectId}/${verb}`, options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => {
          if (response.statusCode === 200 || response.statusCode === 201) resolve(JSON.parse(text));
          else reject(new Error(`${verb} was answered ${response.statusCode}: ${text}`));
        });
      });
      sent.on('error', reject);
      sent.end(JSON.stringify(body));
    });
  }
}

async function send(url: string, headers: Readonly<Record<string, string>>, body: object): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url} was answered ${response.status}: ${await response.text()}`);
  return response.json();
}
