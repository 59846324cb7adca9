// The least that can do what is measured: one page, one claim, one broadcast. With a Redis URL
// the claim is the usual SET NX PX and its release the usual compare-and-delete.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';

const [redisUrl] = process.argv.slice(2);
const redis = redisUrl === undefined ? undefined : new Redis(redisUrl);
const compareAndDelete =
  'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end';

const page = `<!doctype html><button data-testid="edit-button">Edit</button><div></div><script>
  const place = document.querySelector('div');
  const show = (id, on) => {
    const shown = place.querySelector('[data-testid=' + id + ']');
    if (!on) return shown && shown.remove();
    if (shown) return;
    const element = document.createElement('button');
    element.dataset.testid = id;
    element.textContent = id;
    place.append(element);
    if (id === 'cancel-button') element.onclick = () => fetch('/projects/123/release', { method: 'POST' }).then(() => {
      show('editing-indicator', false);
      show('cancel-button', false);
    });
  };
  document.querySelector('button').onclick = () => fetch('/projects/123/claim', { method: 'POST' }).then(() => {
    show('editing-indicator', true);
    show('cancel-button', true);
  });
  const socket = new WebSocket(location.href.replace('http', 'ws'));
  socket.onopen = () => document.body.dataset.state = 'connected';
  socket.onmessage = ({ data }) => show('locked-by', JSON.parse(data).type === 'claimed');
</script>`;

const held = new Map<string, string>();

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  for await (const _ of request);
  const [, , key = '', verb] = (request.url ?? '').split('/');
  if (verb === undefined) return void response.setHeader('content-type', 'text/html').end(page);
  if (verb === 'claim') {
    if (redis === undefined) held.set(key, 'token');
    else await redis.set(key, 'token', 'PX', 30_000, 'NX');
  } else if (redis === undefined) held.delete(key);
  else await redis.eval(compareAndDelete, 1, key, 'token');
  for (const socket of sockets.clients)
    socket.send(JSON.stringify({ type: verb === 'claim' ? 'claimed' : 'released', project: key }));
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ claimToken: 'token', projectId: key }));
}

const server = createServer((request, response) => void answer(request, response));
const sockets = new WebSocketServer({ server });
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
