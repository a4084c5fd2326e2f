// A program of its own: the algorithm of PR 91322 as a measure for ours. Parse the whole store, then one insert per
// entry, in compact spelling, in one transaction. It makes no plan and checks nothing.
//
//     node pr91322.mjs INDEX

import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";

const begun = performance.now();
for (const { store, database } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const entries = JSON.parse(readFileSync(store, "utf8"));
  mkdirSync(dirname(database), { recursive: true });
  const db = new DatabaseSync(database);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  db.exec(
    "CREATE TABLE cache_entries (scope TEXT NOT NULL, key TEXT NOT NULL, value_json TEXT, blob BLOB," +
      " expires_at INTEGER, updated_at INTEGER NOT NULL, PRIMARY KEY (scope, key))",
  );
  db.exec("BEGIN IMMEDIATE");
  const insert = db.prepare(
    "INSERT INTO cache_entries (scope, key, value_json, updated_at) VALUES ('session_entries', ?, ?, ?)",
  );
  for (const [key, entry] of Object.entries(entries)) insert.run(key, JSON.stringify(entry), entry.updatedAt ?? 0);
  db.exec("COMMIT");
  db.close();
}
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const cpu = (userCPUTime + systemCPUTime) / 1e6;
console.log(JSON.stringify({ wall: (performance.now() - begun) / 1000, cpu, peak: maxRSS * 1024 }));
