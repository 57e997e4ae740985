// PouchDB replicates random documents to pouchdb-server and from there into another database: seconds for each, as JSON.
// Called by `run` in a folder of its own, with the server's URL, the number of documents and the bytes of each.
"use strict";
const { randomBytes } = require("node:crypto");
const { createRequire } = require("node:module");
const PouchDB = createRequire(process.env.PEERS_NODE)("pouchdb");

async function main(server, count, size) {
  const here = new PouchDB("here");
  const documents = Array.from({ length: count }, (_, n) => ({
    _id: `doc-${n}`,
    body: randomBytes(size / 2).toString("hex"),
  }));
  await here.bulkDocs(documents);
  const remote = new PouchDB(`${server}/peers`);
  await remote.info();
  let begun = performance.now();
  const sent = await here.replicate.to(remote);
  const up = (performance.now() - begun) / 1000;
  const there = new PouchDB("there");
  await there.info();
  begun = performance.now();
  const fetched = await there.replicate.from(remote);
  const down = (performance.now() - begun) / 1000;
  if (sent.docs_written !== count || fetched.docs_written !== count) throw new Error("not all documents arrived");
  console.log(JSON.stringify({ up, down }));
}

main(process.argv[2], Number(process.argv[3]), Number(process.argv[4])).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
