// What the worker and the publisher share: the queue's name and the address of Redis.
export const QUEUE = "bench";
export const STAGES = ["transcripts", "metrics", "interruptions"];

// redis://, or unix:///path/to/socket as redis-py writes it.
export function redisOptions(address) {
  return address.startsWith("unix://")
    ? { path: decodeURIComponent(address.slice("unix://".length)), maxRetriesPerRequest: null }
    : { host: new URL(address).hostname, port: Number(new URL(address).port || 6379), maxRetriesPerRequest: null };
}
