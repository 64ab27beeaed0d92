// The page: puts the client, the link and the views together.

import { Chat } from "./chat.js";
import { ChatClient } from "./core.js";
import { $ } from "./dom.js";
import { Home } from "./home.js";
import { Hood } from "./hood.js";
import { learnAddress } from "./invite.js";
import { Link, TAKEN } from "./link.js";
import { Screen } from "./screen.js";
import { Status } from "./status.js";
import { claim } from "./tabs.js";
import { readCode, showText } from "./text.js";
import { Views } from "./views.js";

const inPath = /^\/r\/(.+)$/.exec(written(location.pathname))?.[1]; // /r/CODE
const invited = readCode(inPath ?? "");

const store = await claim();
const memory = store.load();
const core = new ChatClient(memory.name, memory);
const chat = new Chat(core);
const hood = new Hood();
const link = new Link(core, store, {
  happened: (list) => chat.take(list),
  frame: (out, bytes) => hood.record(out, bytes),
  changed: () => status.show(),
});
chat.flush = () => link.flush();
chat.keep = () => link.saveSoon();
store.handOver = () => {
  link.save();
  core.end(TAKEN);
  link.flush();
};
const status = new Status(chat, link, store);
const views = new Views(goTo);
const screen = new Screen(chat, hood, status, views);
let shown = null; // the last room on the screen
let wish = null; // what the form at home was sent for, until it is done
const home = new Home((name, what) => {
  wish = { name, ...what };
  if (core.online) return fulfil();
  core.name = memory.name = name;
  return link.start();
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
    link.flush();
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
  const before = views.state.room;
  views.at(room?.code ?? "", path, Boolean(before) && !chat.rooms.has(before));
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
  link.pause(); // it would go on trying with that name
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
$("renaming").addEventListener("close", () => chat.current && link.phase === "idle" && link.start());
screen.rename = (name) => {
  if (link.phase === "idle") { // the server has refused the one before
    core.name = memory.name = name;
    link.start();
  } else {
    core.rename(name);
    link.flush();
  }
};
screen.quit = () => {
  if (core.online) {
    core.bye();
    link.flush();
  } else { // nobody can be told; the server ends the session when its time is up
    memory.forgetSession();
    link.save();
    location.assign("/");
  }
};
chat.on("ended", ({ wanted, why }) => {
  link.save();
  if (wanted) location.assign("/");
  else status.ended(showText(why));
});

learnAddress();
if (memory.rooms.size) { // a reload, or a tab that was closed: go on
  link.start();
  const rooms = [...chat.rooms.values()];
  chat.open(chat.rooms.get(invited) ?? chat.rooms.get(memory.current) ?? rooms[0]);
  if (invited) chat.join(invited);
} else {
  views.at("", location.pathname, true);
  home.show({ code: invited, other: store.others.find(({ rooms }) => rooms.includes(invited)) });
  if (inPath && !invited) home.refuseCode(`${showText(inPath.slice(0, 40))} is no room code; ask for the link again.`);
  if (memory.token.length) link.start();
}
document.documentElement.dataset.ready = ""; // for those who wait for the page
