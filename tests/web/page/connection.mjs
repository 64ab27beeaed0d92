// Runs the page's Connection with sockets that open, answer and close, in simulated time.
// Arguments: path of connection.js; duration of each connection in ms, separated by commas; pages of
// the cluster's other servers, separated by commas, as sent by the server after WELCOME.
// Prints the delays before each reconnect, and the URLs that were connected to, as JSON.

import { pathToFileURL } from "node:url";

let now = 0;
const waits = [], urls = [];
Math.random = () => 1;
Object.defineProperty(globalThis, "performance", { value: { now: () => now } });
globalThis.location = { href: "http://here/room" };
globalThis.window = { addEventListener() {} };
globalThis.document = { hidden: false, addEventListener() {} };
globalThis.setInterval = () => 0;
globalThis.clearTimeout = () => {};
globalThis.setTimeout = (_, delay) => waits.push(delay);
globalThis.WebSocket = class {
  static OPEN = 1;
  constructor(url) { urls.push(String(url)); }
  close() {}
};

const { Connection } = await import(pathToFileURL(process.argv[2]));
const core = {
  online: false, ended: false, byeText: "", servers: [], out: [], memory: { counter: 0 },
  takeEvents: () => [], takeFrames: () => [], feed: () => [],
  connected() {},
  lost() { this.online = false; },
};
const link = new Connection(core, { save() {}, taken: false }, { changed() {}, onEvents() {}, frame() {} });
for (const lasts of process.argv[3].split(",").map(Number)) {
  link.connect();
  link.socket.onopen();
  core.online = true; // WELCOME has come
  core.servers = process.argv[4].split(",").filter(Boolean).map((page) => ({ page }));
  link.socket.onmessage({ data: new ArrayBuffer(0) });
  now += lasts;
  link.socket.onclose();
  now += waits.at(-1);
}
console.log(JSON.stringify({ waits, urls }));
