// One process of the BullMQ arm: `node worker.mjs SQL_DIRECTORY`, eight jobs at a time, each one upsert.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "bullmq";
import pg from "pg";
import { columnsOf } from "./rows.mjs";
import { QUEUE, STAGES, redisOptions } from "./shared.mjs";

const CONCURRENCY = 8;

const database = new URL(process.env.DATABASE_URL.replace(/@[^/]*\//, "@localhost/"));
const [, host, port] = process.env.DATABASE_URL.match(/@([^:/]*):?(\d*)\//);
const pool = new pg.Pool({
  user: database.username,
  password: database.password || undefined,
  database: database.pathname.slice(1),
  host: decodeURIComponent(host),
  port: Number(port || 5432),
  max: CONCURRENCY,
  application_name: "bench-control",
});
const statements = Object.fromEntries(STAGES.map((stage) => [stage, statementOf(stage)]));

new Worker(QUEUE, work, { connection: redisOptions(process.env.REDIS_URL), concurrency: CONCURRENCY });

async function work(job) {
  const { message } = JSON.parse(job.data.body);
  const columns = columnsOf(job.name, message.call.id, message.messages);
  if (columns.call_id.length > 0) {
    const { text, names } = statements[job.name];
    await pool.query({ name: job.name, text, values: names.map((name) => columns[name]) });
  }
}

// The same statements as the other arms; node-postgres numbers its parameters.
function statementOf(stage) {
  const names = [];
  const text = readFileSync(join(process.argv[2], `${stage}.sql`), "utf8").replace(/%\((\w+)\)s/g, (_, name) => {
    names.push(name);
    return `$${names.length}`;
  });
  return { text, names };
}
