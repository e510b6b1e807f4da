// Put events into the queue, three jobs each: `node publish.mjs FILE`, one JSON body a line.
import { readFileSync } from "node:fs";
import { Queue } from "bullmq";
import { QUEUE, STAGES, redisOptions } from "./shared.mjs";

const JOBS_AT_ONCE = 300;

const queue = new Queue(QUEUE, { connection: redisOptions(process.env.REDIS_URL) });
const bodies = readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean);
const options = { removeOnComplete: true, attempts: 3 };
const jobs = bodies.flatMap((body) => STAGES.map((name) => ({ name, data: { body }, opts: options })));
for (let start = 0; start < jobs.length; start += JOBS_AT_ONCE) {
  await queue.addBulk(jobs.slice(start, start + JOBS_AT_ONCE));
}
await queue.close();
