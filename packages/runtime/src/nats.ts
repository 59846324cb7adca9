// `@devmentor/runtime/nats`
export {
  type NatsConnection,
  type NatsMessage,
  type NatsTransportOptions,
  openNatsTransport,
} from './transport.nats.ts';
