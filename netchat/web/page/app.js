// The page: creates the client, the connection and the views, and connects them.

import { Chat } from "./chat.js";
import { ChatClient } from "./core.js";
import { $ } from "./dom.js";
import { Home } from "./home.js";
import { FrameInspector } from "./inspector.js";
import { learnAddress } from "./invite.js";
import { Connection, TAKEN } from "./connection.js";
import { Screen } from "./screen.js";
import { Status } from "./status.js";
import { claim } from "./tabs.js";
import { readCode, showText } from "./text.js";
import { Navigation } from "./navigation.js";

const inPath = /^\/r\/(.+)$/.exec(written(location.pathname))?.[1]; // /r/CODE
const invited = readCode(inPath ?? "");

const store = await claim();
const memory = store.load();
const core = new ChatClient(memory.name, memory);
const chat = new Chat(core);
const inspector = new FrameInspector();
const connection = new Connection(core, store, {
  onEvents: (list) => chat.take(list),
  frame: (out, bytes) => inspector.record(out, bytes),
  changed: () => status.show(),
});
chat.flush = () => connection.flush();
chat.keep = () => connection.saveSoon();
store.handOver = () => {
  connection.save();
  core.end(TAKEN);
  connection.flush();
};
const status = new Status(chat, connection, store);
const navigation = new Navigation(goTo);
const screen = new Screen(chat, inspector, status, navigation);
let shown = null; // the last room on the screen
let wish = null; // what the form at home was sent for, until it is done
const home = new Home((name, what) => {
  wish = { name, ...what };
  if (core.online) return fulfil();
  core.name = memory.name = name;
  return connection.start();
}, (room) => chat.open(room));

/** A path as people write it. */
function written(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // no UTF-8
  }
}

function fulfil() {
  wish.asked = true; // what is asked for is asked again by the core, over any reconnect
  if (wish.name !== core.name) { // a session from before, under another name
    core.rename(wish.name);
    wish.name = "";
    connection.flush();
  } else if (wish.create) {
    chat.create();
  } else {
    chat.join(wish.join);
  }
}

/** The room, if there is one, else the way into one. */
function showScreen() {
  const room = chat.current;
  const path = room?.joinable ? `/r/${room.code}` : "/";
  const before = navigation.state.room;
  navigation.at(room?.code ?? "", path, Boolean(before) && !chat.rooms.has(before));
  if (room) {
    wish = null;
    shown = room;
    home.hide();
    screen.show(room);
  } else {
    screen.hide();
    home.show({ room: chat.rooms.get(shown?.code) });
  }
}

/** The browser went back or forward. */
function goTo({ room: code, cover }) {
  const room = chat.rooms.get(code);
  if (room || !code) chat.open(room ?? null);
  else showScreen(); // that room was left meanwhile: stay
  if (chat.current) screen.showCover(cover);
}

chat.on("opened", showScreen);
chat.on("online", () => wish && !wish.asked && fulfil());
chat.on("renamed", ({ name }) => {
  if (!wish) return;
  wish.name = name;
  fulfil();
});
chat.on("refused", ({ why, suggestion }) => {
  connection.pause(); // it would go on trying with that name
  if (chat.current) screen.askName(why, suggestion);
  else home.refuseName(why, suggestion);
});
chat.on("declined", ({ error, request }) => {
  const { text, suggestion } = error;
  if (["WHO", "HISTORY"].includes(request?.name)) return; // nobody has asked for that
  if (chat.current) {
    if (!screen.refuse(request, text, suggestion)) status.toast(text);
  } else if (request?.name === "RENAME") {
    home.refuseName(text, suggestion);
  } else {
    home.refuseCode(text);
  }
});
// Who closes that dialog without another name tries the old one again.
$("renaming").addEventListener("close", () => chat.current && connection.phase === "idle" && connection.start());
screen.rename = (name) => {
  if (connection.phase === "idle") { // the server has refused the one before
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
  } else { // nobody can be told; the server ends the session when its time is up
    memory.forgetSession();
    connection.save();
    location.assign("/");
  }
};
chat.on("ended", ({ wanted, why }) => {
  connection.save();
  if (wanted) location.assign("/");
  else status.ended(showText(why));
});

learnAddress();
if (memory.rooms.size) { // a reload, or a tab that was closed: go on
  connection.start();
  const rooms = [...chat.rooms.values()];
  chat.open(chat.rooms.get(invited) ?? chat.rooms.get(memory.current) ?? rooms[0]);
  if (invited) chat.join(invited);
} else {
  navigation.at("", location.pathname, true);
  home.show({ code: invited, other: store.others.find(({ rooms }) => rooms.includes(invited)) });
  if (inPath && !invited) home.refuseCode(`${showText(inPath.slice(0, 40))} is no room code; ask for the link again.`);
  if (memory.token.length) connection.start();
}
document.documentElement.dataset.ready = ""; // for those who wait for the page
