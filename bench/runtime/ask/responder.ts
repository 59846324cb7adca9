// The other process of the bench of asks: an actor of ours, a service of Moleculer, and bare
// subscribers, each of which parses what it is asked and answers as much. argv: redis, nats, namespace.
import { connect } from '@nats-io/transport-node';
import { answererOf, openNode } from './cases.ts';

const [redis = '', nats = '', namespace = ''] = process.argv.slice(2);

const { runtime } = await openNode({ redis, nats, namespace, id: 'responder' });
const broker = answererOf(nats, 'responder');
await broker.start();
const bare = await connect({ servers: nats });
bare.subscribe('bare', {
  callback: (_error, message) => void message.respond(JSON.stringify(message.json())),
});
await bare.flush();
process.send?.({ shards: runtime.shards() });

process.once('disconnect', () => process.exit(0));
