// Tests of the page's room model: `PAGE=FOLDER node --test room.mjs`, where FOLDER holds the page's
// modules.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const page = (file) => import(`${pathToFileURL(process.env.PAGE)}/${file}`);
const { Chat } = await page("chat.js");
const { ChatClient } = await page("client.js");
const { Memory, newView } = await page("outbox.js");
const { EventKind, RoomKind } = await page("protocol.js");

/** Create a chat in the lobby, as after a reload. */
function chatIn(memory = new Memory()) {
  memory.rooms.set("lobby", newView({ room: "lobby", kind: RoomKind.LOBBY, peer: "", log: 1n, last: 0n }));
  const core = new ChatClient("Nova", memory);
  core.online = true;
  const chat = new Chat(core);
  return { chat, core, room: chat.rooms.get("lobby") };
}

let seq = 0n;
const roomEvent = (kind, sender, text = "") => ({
  what: "roomEvent", own: false, peer: "",
  event: { seq: (seq += 1n), kind, sender, text, room: "lobby", device: 0n, time: 0n },
});
const people = (request, names, total = names.length, more = false) => ({
  what: "people", request, room: "lobby", total, more, members: names.map((name) => ({ name, away: 0 })),
});
const names = (first, count) => Array.from({ length: count }, (_, i) => `User${first + i}`);
const listed = (room) => [...room.people.keys()].sort();
const asked = (core) => Math.max(...core.requests.keys());

test("members who leave are not counted, listed or not", () => {
  const { chat, core, room } = chatIn();
  chat.askWho(room);
  chat.take([people(asked(core), names(0, 62))]);
  assert.equal(room.total, 62);
  chat.take(names(0, 60).map((name) => roomEvent(EventKind.LEAVE, name)));
  assert.equal(room.people.size, 2);
  assert.equal(room.total, 2);
});

test("parts of an outdated member list are ignored", () => {
  const { chat, core, room } = chatIn();
  chat.askWho(room);
  const first = asked(core);
  chat.take([people(first, names(0, 60), 62, true)]);
  const rest = asked(core);
  assert.notEqual(rest, first);
  chat.askWho(room); // for example after a reconnect
  const again = asked(core);
  chat.take([people(rest, names(60, 2), 62)]);
  assert.equal(room.people.size, 0);
  chat.take([people(again, names(0, 62))]);
  assert.equal(room.people.size, 62);
  assert.equal(room.total, 62);
});

test("joins, leaves and renames while a list arrives", () => {
  const { chat, core, room } = chatIn();
  chat.askWho(room);
  chat.take([people(asked(core), names(0, 3), 4, true)]);
  chat.take([
    roomEvent(EventKind.LEAVE, "User0"),
    roomEvent(EventKind.JOIN, "Late"),
    roomEvent(EventKind.RENAME, "User1", "Renamed"),
  ]);
  chat.take([people(asked(core), ["User3"], 4)]);
  assert.deepEqual(listed(room), ["Late", "Renamed", "User2", "User3"]);
  assert.equal(room.total, 4);
});

test("members that are not listed are counted", () => {
  const { chat, core, room } = chatIn();
  chat.askWho(room);
  for (let first = 0; first < 2000; first += 500) {
    chat.take([people(asked(core), names(first, 500), 2500, true)]);
  }
  assert.equal(room.people.size, 2000);
  assert.equal(room.total, 2500);
  chat.take([roomEvent(EventKind.LEAVE, "User2400")]);
  assert.equal(room.total, 2499);
});

test("a private conversation is listed after a reload if it has content", () => {
  const memory = new Memory();
  const view = (room, peer) => newView({ room, kind: RoomKind.PRIVATE, peer, log: 1n, last: 0n });
  for (const [code, peer] of [["unread", "Lea"], ["read", "Tom"], ["empty", "Eve"], ["typed", "Bo"]]) {
    memory.rooms.set(code, view(code, peer));
  }
  const blank = { read: "0", unread: 0, draft: "", failed: [] };
  memory.roomStates = {
    unread: { ...blank, unread: 2 },
    read: { ...blank, read: "7" },
    typed: { ...blank, draft: "half a" },
  };
  const { chat } = chatIn(Memory.read(memory.write()));
  const spoken = [...chat.rooms.values()].filter((room) => room.hasContent).map(({ code }) => code);
  assert.deepEqual(spoken, ["unread", "read", "typed"]);
  assert.equal(chat.unread, 2);
});

test("what was read on another device is no longer unread", () => {
  const { chat, room } = chatIn();
  const events = ["one", "two", "three"].map((text) => roomEvent(EventKind.CHAT, "Maya", text));
  chat.take(events);
  assert.equal(room.kept.unread, 3);
  chat.take([{ what: "read", room: "lobby", seq: events[1].event.seq }]);
  assert.equal(room.kept.unread, 1);
  chat.take([{ what: "read", room: "lobby", seq: events[0].event.seq }]); // an older one changes nothing
  assert.equal(room.kept.unread, 1);
  chat.take([{ what: "read", room: "lobby", seq: events[2].event.seq }, { what: "read", room: "gone", seq: 1n }]);
  assert.equal(room.kept.unread, 0);
});

test("what the user reads here is shared with the account's other devices", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { chat, core, room } = chatIn();
  Object.assign(core, { account: "Nova", hasAnnotations: true });
  chat.current = room;
  const event = roomEvent(EventKind.CHAT, "Maya", "hello");
  core.memory.rooms.get("lobby").last = event.event.seq;
  const sent = [];
  core.send = (name, fields) => sent.push([name, fields]);
  chat.take([event]);
  chat.watch(true);
  context.mock.timers.tick(2000);
  assert.deepEqual(sent, []);
  context.mock.timers.tick(2000);
  assert.deepEqual(sent, [["READ", { seq: event.event.seq, room: "lobby" }]]);
});
