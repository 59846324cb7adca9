/** `type:key`, the name of one actor everywhere: address, record key and topic. */
export type ActorId = `${string}:${string}`;
