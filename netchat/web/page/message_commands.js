// The effects of /edit, /delete, /reply and /react. Counterpart of netchat/tui/message_actions.py.

import { MESSAGE_KINDS, reactionProblem } from "./annotations.js";
import { skeleton } from "./outbox.js";
import { EventKind } from "./protocol.js";
import { showText, textProblem } from "./text.js";

/** Names of reactions that are hard to type. */
const REACTIONS = {
  "+1": "👍", "-1": "👎", heart: "❤️", joy: "😂", smile: "😄", sad: "😢", tada: "🎉", ok: "👌", eyes: "👀", thanks: "🙏",
};
const TARGET = /^(?:#(?<number>[0-9]{1,19})|@(?<name>\S+))(?:\s+|$)/;

const kinds = { edit: EventKind.EDIT, delete: EventKind.DELETE, reply: EventKind.REPLY, react: EventKind.REACTION };

/** Carry out a command. Returns an error message, or an empty string. */
export function annotate({ chat, composer }, verb, written) {
  const { current: room } = chat, kind = kinds[verb];
  if (!chat.canAnnotate(room)) return "Messages cannot be changed or answered here.";
  const isText = verb === "edit" || verb === "reply";
  const isWanted = {
    edit: (event) => chat.canEdit(room, event), delete: (event) => chat.own(event) && chat.canDelete(room, event),
  }[verb] ?? ((event) => !chat.own(event));
  const { target, text, problem } = parse(room, written, isWanted);
  if (problem) return problem;
  if (isText && !text) return "Write the text after the command.";
  if (verb === "delete" && text) return "/delete takes the number of a message, such as #12, or nothing.";
  const sent = verb === "react" ? toggled(chat, room, target, REACTIONS[text.replace(/^:+|:+$/g, "")] ?? text) : text;
  const why = verb === "react" ? reactionProblem(sent) : isText ? textProblem(text, composer.limit) : "";
  if (why) return why;
  chat.annotate(room, kind, target, sent);
  return "";
}

/** Return the number of the message that a command is about, and the text after it, or what is wrong. */
function parse(room, written, isWanted) {
  const found = TARGET.exec(written);
  const text = written.slice(found?.[0].length ?? 0);
  const { number, name } = found?.groups ?? {};
  if (number) {
    const target = BigInt(number);
    return { target, text, problem: target > 0n && target < 1n << 63n ? "" : `#${number} is not the number of a message.` };
  }
  const wanted = name && skeleton(name.replace(/[:,]+$/, ""));
  const last = room.entries.findLast(({ event }) =>
    MESSAGE_KINDS.includes(event?.kind) && !room.view(event).isDeleted && (wanted ? skeleton(event.sender) === wanted : isWanted(event)));
  if (last) return { target: last.seq, text, problem: "" };
  return { problem: name ? `There is no message of ${showText(name.slice(0, 40))} here.` : "There is no such message here yet." };
}

/** Return a reaction with +, or with - if the user has reacted like this already. */
function toggled(chat, room, target, reaction) {
  const event = room.find(target);
  const names = event ? room.view(event).reactions.get(reaction) ?? [] : [];
  return `${names.some((name) => skeleton(name) === skeleton(chat.name)) ? "-" : "+"}${reaction}`;
}
