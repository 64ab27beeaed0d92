// Effects of the commands on the page. Counterpart of netchat/tui/actions.py.

import { h, $ } from "./dom.js";
import { COMMANDS, ELSEWHERE } from "./commands.js";
import { KEYS } from "./keyboard.js";
import { ModeratorAction as Action } from "./protocol.js";
import { annotate } from "./message_commands.js";
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

const TIME = /^(\d{1,6})([smhd])$/i;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 };
const SCOPES = { name: 1, device: 2, address: 4 };

/** Return the duration and the reason in a command's words, which may be either or both, or the problem. */
function lasting([time = "", reason = ""]) {
  const found = TIME.exec(time);
  if (!found) return { seconds: 0, text: `${time} ${reason}`.trim() };
  if (!Number(found[1])) return { problem: `TIME must be at least 1s, got ${time}.` };
  return { seconds: Math.min(found[1] * SECONDS[found[2].toLowerCase()], 0xffffffff), text: reason };
}

/** Return the effect of a moderator's command. */
const moderate = (action, fields) => ({ chat }, ...words) => {
  const { problem = "", ...request } = fields(...words);
  if (!problem) chat.moderate(chat.current, action, request);
  return problem;
};
const withReason = (action) => moderate(action, (text = "") => ({ text }));
const aboutUser = (action) => moderate(action, (target, text = "") => ({ target, text }));

function ban(name, ...words) {
  const [prefix, ...rest] = name.split(":");
  const scope = rest.length ? SCOPES[prefix.toLowerCase()] : undefined;
  if (scope && !rest.join("")) return { problem: `What to ban must follow ${prefix}: without a space, as in ${prefix}:Nova.` };
  return { target: scope ? rest.join(":") : name, scope: scope ?? 0, ...lasting(words) };
}

function help({ chat }) {
  const allowed = Object.entries(COMMANDS).filter(([, [, , role = 0]]) => role <= chat.current.role);
  const rows = allowed.map(([verb, [usage, does]]) =>
    [h("dt", { class: "code" }, `/${verb} ${usage}`.trim()), h("dd", {}, does.replace("(see /history)", "(messages show it while you type the command)"))]);
  $("help-keys").replaceChildren(...KEYS.flatMap(([keys, does]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, does)]));
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
  register: (screen, invitation = "") => screen.account.ask("register", { invitation }),
  login: (screen, name) => screen.account.ask("login", { name }),
  passwd: (screen) => screen.account.ask("password"),
  logout: (screen, everywhere = "") => screen.account.logOut(Boolean(everywhere)),
  kick: aboutUser(Action.KICK),
  mute: moderate(Action.MUTE, (target, ...words) => ({ target, ...lasting(words) })),
  unmute: aboutUser(Action.UNMUTE),
  ban: moderate(Action.BAN, ban),
  unban: aboutUser(Action.UNBAN),
  bans: ({ chat }) => chat.askBans(chat.current),
  title: withReason(Action.TITLE),
  lock: withReason(Action.LOCK),
  unlock: withReason(Action.UNLOCK),
  readonly: withReason(Action.READ_ONLY),
  writable: withReason(Action.WRITABLE),
  clear: withReason(Action.CLEAR),
  close: withReason(Action.CLOSE),
  op: aboutUser(Action.APPOINT),
  deop: aboutUser(Action.DISMISS),
  ...Object.fromEntries(["edit", "delete", "reply", "react"].map((verb) => [verb, (screen, written) => annotate(screen, verb, written)])),
  search: (screen, words) => void screen.search(words),
  help,
  quit: (screen) => screen.quit(),
};
