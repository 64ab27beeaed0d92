// What a user can type: commands after a slash, everything else is said in the room.
// The counterpart of netchat/tui/commands.py: the same commands mean the same, in the same words.

/** Every command: its arguments (those in brackets are optional) and what it does, in the order of the help. */
export const COMMANDS = {
  who: ["[CODE]", "list the members of the room"],
  msg: ["NAME TEXT", "send a private message"],
  join: ["CODE", "join a room by its code"],
  create: ["", "create a room; others join it by its code"],
  room: ["CODE", "switch to another of your rooms"],
  rooms: ["", "list your rooms"],
  leave: ["[CODE]", "leave the room"],
  nick: ["NAME", "change your name"],
  help: ["", "show this list"],
  quit: ["", "leave the chat"],
};

/** Commands of the terminal that this page does not need, and what to do instead. */
export const ELSEWHERE = {
  history: "Older messages load when you scroll up.",
  link: "The page has no coded link to the server; netchat client --link has one.",
};

/** What was typed is meant as a command, and is none. */
export class UsageError extends Error {}

const ALIASES = { exit: "quit" };

/**
 * Read what was typed, without spaces around it. A text that begins with `//` is said, with one slash.
 *
 * Throws a UsageError if it is meant as a command and is none; its message says what to write.
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
  const [usage, does] = COMMANDS[verb];
  const named = usage ? usage.split(" ") : [];
  const least = named.filter((name) => !name.startsWith("[")).length;
  const words = split(text.slice(word.length), named.length);
  const spare = verb !== "msg" && /\s/.test(words.at(-1) ?? "");
  if (words.length < least || words.length > named.length || spare) {
    throw new UsageError(`Usage: ${`/${verb} ${usage}`.trim()} (${does}).`);
  }
  return { verb, words };
}

/** What to type to say a text, whatever it begins with. */
export const literally = (text) => (text.startsWith("/") ? `/${text}` : text);

/** At most `most` words (one, if none is taken, to be found too many); the last has all that is left. */
function split(text, most) {
  const words = [];
  let rest = text.trim();
  while (rest && words.length < most - 1) {
    const [word] = rest.split(/\s/, 1);
    words.push(word);
    rest = rest.slice(word.length).trim();
  }
  return rest ? [...words, rest] : words;
}
