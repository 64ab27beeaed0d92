// Parses typed lines: a command after a slash, or text to send to the room.
// Counterpart of netchat/tui/commands.py, with the same commands and messages.

/**
 * Every command, in the order of the help: its arguments (brackets: optional), its effect, the least
 * rights that it needs, and whether its last argument is a text of any number of words.
 */
export const COMMANDS = {
  who: ["[CODE]", "list the members of the room"],
  msg: ["NAME TEXT", "send a private message", 0, true],
  join: ["CODE [SECRET]", "join a room by its code; a sealed one by CODE#SECRET or words", 0, true],
  create: ["[--sealed]", "create a room; --sealed encrypts its texts end to end"],
  room: ["CODE", "switch to another of your rooms"],
  rooms: ["", "list your rooms"],
  leave: ["[CODE]", "leave the room"],
  nick: ["NAME", "change your name"],
  register: ["[INVITATION]", "register your name, with a password"],
  login: ["NAME", "log in to an account"],
  logout: ["[everywhere]", "log out and leave the chat; everywhere: on all devices"],
  passwd: ["", "change the password of your account"],
  safety: ["[NAME] [ACTION]", "show the safety number of the room, or of you and a user; actions: verified, forget"],
  rekey: ["", "give the sealed room a new secret; old links stop working"],
  help: ["", "show this list"],
  quit: ["", "leave the chat"],
  kick: ["NAME [REASON]", "remove a member, who may return", 1, true],
  mute: ["NAME [TIME] [REASON]", "reject a member's messages, for example for 10m", 1, true],
  unmute: ["NAME", "let a member write again", 1],
  ban: ["NAME [TIME] [REASON]", "remove a user's name and device, for example for 2h; also name:NAME, device:NAME, address:NAME", 1, true],
  unban: ["NAME", "lift a ban; also by #NUMBER or address", 1],
  bans: ["", "list the bans of the room", 1],
  title: ["[TITLE]", "give the room a title, or remove it", 1, true],
  lock: ["[REASON]", "let no new members in", 1, true],
  unlock: ["", "let new members in again", 1],
  readonly: ["[REASON]", "let only moderators write", 1, true],
  writable: ["", "let everyone write again", 1],
  clear: ["[REASON]", "delete the history of the room for everyone", 1, true],
  close: ["[REASON]", "delete the room and remove its members", 1, true],
  op: ["NAME", "make a user a moderator", 2],
  deop: ["NAME", "take away a moderator's rights", 2],
};

/** Terminal commands that this page does not have, and what to do instead. */
export const ELSEWHERE = {
  send: "The paper clip next to the message field sends files; you can also drop or paste them.",
  sendto: "Open the conversation with the user, then use the paper clip.",
  save: "Each file has a button to save it.",
  pause: "Each transfer has a button to pause it.",
  resume: "Each transfer has a button to resume it.",
  cancel: "Each transfer has a button to cancel it.",
  search: "The page does not search rooms; netchat client does.",
  edit: "The page does not edit messages; netchat client does.",
  delete: "The page does not delete messages; netchat client does.",
  reply: "The page does not mark answers; netchat client does.",
  react: "The page does not react to messages; netchat client does.",
  history: "Older messages load when you scroll up.",
  export: "The menu of the room saves its log.",
  link: "The page does not use coded links; netchat client --link does.",
};

/** An unknown or incomplete command. */
export class UsageError extends Error {}

const ALIASES = { exit: "quit" };

/**
 * Parse a trimmed line. A text that begins with `//` is sent with one slash.
 *
 * Throws a UsageError for an unknown or incomplete command; its message says what to write.
 * @returns {{verb: string, words: string[]}} for a text, the verb "say" with the text as its only word
 */
export function parse(text) {
  if (!text.startsWith("/")) return { verb: "say", words: [text] };
  if (text.startsWith("//")) return { verb: "say", words: [text.slice(1)] };
  const [word] = text.split(/\s/, 1);
  const typed = word.slice(1).toLowerCase();
  const verb = Object.hasOwn(ALIASES, typed) ? ALIASES[typed] : typed;
  if (Object.hasOwn(ELSEWHERE, verb)) throw new UsageError(ELSEWHERE[verb]);
  if (!Object.hasOwn(COMMANDS, verb)) {
    const shown = word.slice(0, 40);
    throw new UsageError(`Unknown command ${shown}; /help lists the commands. To send it as a message, write /${shown}.`);
  }
  const [usage, does, , isOpenEnded] = COMMANDS[verb];
  const parameters = usage ? usage.split(" ") : [];
  const required = parameters.filter((name) => !name.startsWith("[")).length;
  const words = split(text.slice(word.length), parameters.length);
  const hasExtra = !isOpenEnded && /\s/.test(words.at(-1) ?? "");
  if (words.length < required || words.length > parameters.length || hasExtra) {
    throw new UsageError(`Usage: ${`/${verb} ${usage}`.trim()} (${does}).`);
  }
  if (verb === "logout" && words.length && words[0].toLowerCase() !== "everywhere") {
    throw new UsageError(`Usage: /${verb} ${usage} (${does}).`);
  }
  return { verb, words };
}

/** Return the line to type to send `text`, even if it begins with a slash. */
export const literally = (text) => (text.startsWith("/") ? `/${text}` : text);

/** Split into at most `limit` words, at least one; the last word holds the rest of the text. */
function split(text, limit) {
  const words = [];
  let rest = text.trim();
  while (rest && words.length < limit - 1) {
    const [word] = rest.split(/\s/, 1);
    words.push(word);
    rest = rest.slice(word.length).trim();
  }
  return rest ? [...words, rest] : words;
}
