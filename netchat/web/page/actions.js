// Effects of the commands on the page. Counterpart of netchat/tui/actions.py.

import { h, $ } from "./dom.js";
import { COMMANDS, ELSEWHERE } from "./commands.js";
import { skeleton } from "./outbox.js";
import { readCode, showCode, showText, textProblem } from "./text.js";

/** Run a command. Returns an error message, or an empty string on success. */
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
  screen.go(() => chat.openPrivate(name)); // the echo or the error will appear there
  chat.say(chat.current, text);
  return "";
}

function join(screen, typed, secret = "") {
  const [given, ...written] = `${typed} ${secret}`.trim().split(/[\s#]+/);
  if (written.length || typed.includes("://")) {
    screen.joinWritten(`${typed} ${secret}`.trim());
    return "";
  }
  const code = readCode(given);
  if (!code) return `“${showText(typed.slice(0, 40))}” is not a room code. Room codes look like 7K3F9-2MQ0T; the lobby's is lobby.`;
  screen.go(() => screen.chat.join(code));
  return "";
}

/** Apply `action` to the room with the typed code, or to the current one if there is no code. */
function withRoom({ chat }, typed, action) {
  const code = typed ? readCode(typed) : chat.current.code;
  const room = chat.rooms.get(code);
  if (!room) return `You are not in ${showText(showCode(code) || typed.slice(0, 40))}. /rooms lists your rooms.`;
  action(room);
  return "";
}

function create(screen, option = "") {
  if (option && option !== "--sealed") return `The only option of /create is --sealed, got ${showText(option.slice(0, 40))}.`;
  let problem = "";
  screen.go(() => (problem = screen.chat.create(Boolean(option))));
  return problem;
}

function safety({ chat }, name = "", action = "") {
  const { sealing } = chat.core;
  if (!sealing?.isActive) return chat.whyUnsealed || "This server does not support sealed messages.";
  if (action === "verified") sealing.pins.markVerified(name);
  else if (action === "forget") sealing.pins.forget(name);
  else if (action) return `The actions of /safety are verified and forget, got ${showText(action.slice(0, 40))}.`;
  else {
    const wanted = [...chat.rooms.values()].find((room) => name && room.private && skeleton(room.peer) === skeleton(name));
    try {
      sealing.askSafety((wanted ?? chat.current).code, name);
    } catch ({ message }) {
      return message;
    }
  }
  return "";
}

function rekey({ chat }) {
  if (!chat.core.sealing?.isSealed(chat.current.code)) return "This room is not sealed.";
  chat.core.sealing.rekey(chat.current.code);
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
  create,
  safety,
  rekey,
  room: (screen, code) => withRoom(screen, code, (room) => screen.go(() => screen.chat.open(room))),
  rooms: (screen) => screen.showRooms(),
  leave: (screen, code) => withRoom(screen, code, (room) => screen.chat.leave(room)),
  nick: (screen, name) => screen.rename(name),
  who: (screen, code) => withRoom(screen, code, (room) => {
    screen.go(() => screen.chat.open(room));
    screen.panel("people");
  }),
  help,
  quit: (screen) => screen.quit(),
};
