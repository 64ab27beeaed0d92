// Runs clients of the page for Python tests: one JSON request per line in, one JSON answer per line out.
// node page_core.mjs FOLDER_OF_THE_PAGE

import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

globalThis.crypto ??= webcrypto; // global in browsers, and in node since version 19

const page = (file) => import(`${pathToFileURL(process.argv[2])}/${file}`);
const { ChatClient } = await page("client.js");
const { Memory } = await page("outbox.js");
const clients = new Map();

const plain = (_, value) =>
  typeof value === "bigint" ? { big: String(value) }
  : value instanceof Uint8Array ? { hex: Buffer.from(value).toString("hex") }
  : value;
const revive = (_, value) =>
  typeof value?.big === "string" ? BigInt(value.big)
  : typeof value?.hex === "string" ? new Uint8Array(Buffer.from(value.hex, "hex"))
  : value;

const CALLS = {
  new: (id, name) => clients.set(id, new ChatClient(name)),
  // The page is closed and reopened: only its serialized state remains.
  reload: (id) => {
    const memory = Memory.read(clients.get(id).memory.write());
    clients.set(id, new ChatClient(memory.name, memory));
  },
};

function run({ id, call, args }) {
  let problem, result;
  try {
    if (CALLS[call]) CALLS[call](id, ...args);
    else result = clients.get(id)[call](...args);
  } catch (error) {
    problem = { name: error.constructor.name, kind: error.kind, text: error.message };
  }
  const client = clients.get(id);
  const { memory } = client;
  return {
    problem,
    result: typeof result === "number" || typeof result === "bigint" ? result : null,
    out: Buffer.concat(client.takeFrames()).toString("hex"),
    events: client.takeEvents(),
    state: {
      name: client.name, online: client.online, ended: client.ended, unsent: client.unsent,
      requests: client.requests.size, holes: client.gaps.size, past: client.past.size,
      private: [...memory.private], counter: memory.counter, token: memory.token,
      device_key: memory.deviceKey,
      rooms: [...memory.rooms.values()].map(({ code, kind, peer, last, isCaughtUp, title, role, flags }) =>
        ({ code, kind, peer, last, is_caught_up: isCaughtUp, title, role, flags })),
    },
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(run(JSON.parse(line, revive)), plain)}\n`);
}
