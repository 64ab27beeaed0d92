// What each command does on the page. The counterpart of netchat/tui/actions.py.

import { h, $ } from "./dom.js";
import { COMMANDS, ELSEWHERE } from "./commands.js";
import { readCode, showCode, showText, textProblem } from "./text.js";

/** Do what was typed. Returns what keeps it from being done, or an empty string. */
export const perform = (screen, { verb, words }) => ACTIONS[verb](screen, ...words) ?? "";

function say({ chat, composer }, text) {
  const problem = textProblem(text, composer.limit);
  if (!problem) chat.say(chat.current, text);
  return problem;
}

function msg(screen, name, text) {
  const { chat, composer } = screen;
  const problem = textProblem(text, composer.limit);
  if (problem) return problem;
  screen.go(() => chat.converse(name)); // where its echo, or the reason why there is none, will stand
  chat.say(chat.current, text);
  return "";
}

function join(screen, typed) {
  const code = readCode(typed);
  if (!code) return `“${showText(typed.slice(0, 40))}” is no room code; one looks like 7K3F9-2MQ0T, or is lobby.`;
  screen.go(() => screen.chat.join(code));
  return "";
}

/** Do something with a room the user is in: the one of a code, or the current one. */
function within({ chat }, typed, action) {
  const code = typed ? readCode(typed) : chat.current.code;
  const room = chat.rooms.get(code);
  if (!room) return `You are not in ${showText(showCode(code) || typed.slice(0, 40))}; /rooms lists those you are in.`;
  action(room);
  return "";
}

function help() {
  const rows = Object.entries(COMMANDS).map(([verb, [usage, does]]) =>
    [h("dt", { class: "code" }, `/${verb} ${usage}`.trim()), h("dd", {}, does)]);
  $("help-list").replaceChildren(...rows.flat());
  $("help-more").textContent = Object.values(ELSEWHERE).join(" ");
  $("help").showModal();
}

const ACTIONS = {
  say,
  msg,
  join,
  create: (screen) => screen.go(() => screen.chat.create()),
  room: (screen, code) => within(screen, code, (room) => screen.go(() => screen.chat.open(room))),
  rooms: (screen) => screen.showRooms(),
  leave: (screen, code) => within(screen, code, (room) => screen.chat.leave(room)),
  nick: (screen, name) => screen.rename(name),
  who: (screen, code) => within(screen, code, (room) => {
    screen.go(() => screen.chat.open(room));
    screen.panel("people");
  }),
  help,
  quit: (screen) => screen.quit(),
};
