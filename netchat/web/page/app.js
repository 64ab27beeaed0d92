// The page: creates the client, the connection and the views, and connects them.

import { Account } from "./account.js";
import { Attachments } from "./attachments.js";
import { Chat } from "./chat.js";
import { ChatClient } from "./client.js";
import { $ } from "./dom.js";
import { Home } from "./home.js";
import { FrameInspector } from "./inspector.js";
import { inviteTo, learnAddress, setSecrets } from "./invite.js";
import { Connection, TAKEN } from "./connection.js";
import { Screen } from "./room_screen.js";
import { Status } from "./status.js";
import { claim } from "./tabs.js";
import { readCode, showText } from "./text.js";
import { MyLine } from "./my_line.js";
import { Navigation } from "./navigation.js";
import { Notifications } from "./notifications.js";

const inPath = /^\/r\/(.+)$/.exec(decodedPath(location.pathname))?.[1]; // /r/CODE
const invited = readCode(inPath ?? "");
const secret = invited ? decodedPath(location.hash.slice(1)) : ""; // browsers never send it to the server

const store = await claim();
const memory = store.load();
const core = new ChatClient(memory.name, memory);
const chat = new Chat(core);
chat.whyUnsealed = await startSealing();
const attachments = new Attachments(chat, store.id);
const inspector = new FrameInspector();
const connection = new Connection(core, store, {
  onEvents: (list) => (core.sealing ? core.sealing.pass(list, (shown) => chat.take(shown)) : chat.take(list)),
  frame: (out, bytes) => inspector.record(out, bytes),
  line: (report) => line.report(report),
  changed: () => {
    if (connection.phase === "online") inviteTo(connection.page);
    if (connection.phase === "waiting") line.lost(connection.why);
    status.show();
  },
});
const line = new MyLine(connection);
connection.transfers = attachments.transfers;
chat.flush = () => connection.flush();
if (core.sealing) {
  core.sealing.flush = () => connection.flush();
  core.sealing.deliver = (list) => chat.take(list);
}
setSecrets((code) => core.sealing?.secret(code) ?? "");
inspector.plaintextOf = (room, device, counter) => core.sealing?.plaintexts.get(`${room} ${device} ${counter}`);
chat.keep = () => connection.saveSoon();
store.handOver = () => {
  connection.save();
  core.end(TAKEN);
  connection.flush();
};
const status = new Status(chat, connection, store);
const navigation = new Navigation(goTo);
const screen = new Screen(chat, inspector, status, navigation);
const account = screen.account = new Account(chat, connection, (text) => status.toast(text));
new Notifications(chat, (code) => chat.rooms.has(code) && chat.open(chat.rooms.get(code)), (text) => status.toast(text));
let lastShown = null; // the last room on the screen
let pending = null; // the action submitted on the first screen, until it is done
const home = new Home((name, what) => {
  pending = { name, ...what };
  if (core.online) return runPending();
  core.name = memory.name = name;
  return connection.start();
}, (room) => chat.open(room));

/** Load what seals messages, where this browser supports it. Returns why it does not, or "". */
async function startSealing() {
  const { whyNot } = await import("./seal_crypto.js");
  const why = await whyNot();
  if (why) return why;
  const { Sealing } = await import("./sealing.js");
  core.sealing = await Sealing.from(core);
  return "";
}

/** Join a room; of a sealed one, with the secret as it was written. */
async function join(code, written) {
  try {
    chat.join(code, written ? await screen.readSecret(written) : null);
  } catch ({ message }) {
    if (chat.current) status.toast(message);
    else home.refuseCode(message);
  }
}

/** Percent-decode a path. */
function decodedPath(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // not valid UTF-8
  }
}

account.onRequired = () => home.setBusy(false);

function runPending() {
  pending.isRequested = true; // from here on, the core repeats the request after reconnecting
  if (pending.name !== core.name && !core.account) { // an earlier session, under another name
    core.rename(pending.name);
    pending.name = "";
    connection.flush();
  } else if (pending.create) {
    const problem = chat.create(pending.isSealed);
    if (problem) home.refuseCode(problem);
  } else {
    join(pending.join, pending.secret);
  }
}

/** Show the current room, or otherwise the first screen. */
function showScreen() {
  const room = chat.current;
  const path = room?.joinable ? `/r/${room.code}` : "/";
  const before = navigation.state.room;
  navigation.visit(room?.code ?? "", path, Boolean(before) && !chat.rooms.has(before));
  if (room) {
    pending = null;
    lastShown = room;
    home.hide();
    screen.show(room);
  } else {
    screen.hide();
    home.show({ room: chat.rooms.get(lastShown?.code) });
  }
}

/** Follow the browser's Back or Forward button. */
function goTo({ room: code, cover }) {
  const room = chat.rooms.get(code);
  if (room || !code) chat.open(room ?? null);
  else showScreen(); // the user has left that room: stay here
  if (chat.current) screen.showCover(cover);
}

chat.on("opened", showScreen);
chat.on("online", () => pending && !pending.isRequested && runPending());
chat.on("renamed", ({ name }) => {
  home.renamed(name);
  if (!pending) return;
  pending.name = name;
  runPending();
});
chat.on("refused", ({ why, suggestion }) => {
  connection.pause(); // otherwise it would keep retrying with the refused name
  if (chat.current) screen.askName(why, suggestion);
  else home.refuseName(why, suggestion);
});
chat.on("declined", ({ error, request }) => {
  const { text, suggestion } = error;
  if (["WHO", "HISTORY", "DEVICE_LIST"].includes(request?.name)) return; // the page sent these, not the user
  if (account.refuse(request, text, error.code)) return;
  if (chat.current) {
    if (!screen.refuse(request, text, suggestion)) status.toast(text);
  } else if (request?.name === "RENAME") {
    home.refuseName(text, suggestion);
  } else {
    home.refuseCode(text);
  }
});
// Closing the dialog without a new name retries the old one.
$("renaming").addEventListener("close", () => chat.current && connection.phase === "idle" && connection.start());
screen.rename = (name) => {
  if (connection.phase === "idle") { // the server refused the previous name
    core.name = memory.name = name;
    connection.start();
  } else {
    core.rename(name);
    connection.flush();
  }
};
screen.quit = () => {
  if (core.online) {
    core.bye();
    connection.flush();
  } else { // offline: the server will end the session by its timeout
    memory.forgetSession();
    connection.save();
    location.assign("/");
  }
};
chat.on("ended", ({ wanted, why }) => {
  connection.save();
  if (wanted) location.assign("/");
  else status.ended(why);
});

home.whyUnsealed = () => chat.whyUnsealed;
learnAddress();
if (memory.rooms.size) { // after a reload, or with a closed tab's memory: resume
  connection.start();
  const rooms = [...chat.rooms.values()];
  chat.open(chat.rooms.get(invited) ?? chat.rooms.get(memory.current) ?? rooms[0]);
  if (invited) join(invited, secret);
} else {
  navigation.visit("", location.pathname, true);
  const busy = store.others.filter(({ rooms }) => rooms.length);
  home.show({ code: invited, secret, other: busy.find(({ rooms }) => rooms.includes(invited)) ?? busy[0] });
  if (inPath && !invited) home.refuseCode(`${showText(inPath.slice(0, 40))} is not a room code. Ask for a new link.`);
  if (memory.token.length) connection.start();
}
document.documentElement.dataset.ready = ""; // tests wait for this
