// What boards need of a transport; any of `@devmentor/runtime` has it.
import type { Transport as RuntimeTransport } from '@devmentor/runtime';

export type Transport = Pick<RuntimeTransport, 'status' | 'publish' | 'subscribe'>;
export type Subscription = Awaited<ReturnType<RuntimeTransport['subscribe']>>;
