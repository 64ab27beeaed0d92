// Events of moderation as sentences. Counterpart of netchat/wire/moderation_text.py.

import { EventKind, ModeratorAction as Action } from "./protocol.js";

export const HOST = "the host"; // the operator of the server
const UNITS = [[86_400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
export const MODERATION_KINDS = [EventKind.REMOVED, EventKind.MODERATED, EventKind.ROOM_CHANGED];

/** Return the content of an event of moderation. */
export function parseNotice({ kind, counter, sender, text }) {
  const [actor, seconds = "", ...rest] = text.split("\n");
  return {
    action: Number(counter), target: kind === EventKind.ROOM_CHANGED ? "" : sender, actor,
    seconds: /^\d{1,10}$/.test(seconds) ? Number(seconds) : 0, text: rest.join("\n"),
  };
}

export function durationWords(seconds) {
  const [unit, name] = UNITS.find(([size]) => seconds >= size && seconds % size === 0) ?? UNITS[3];
  const count = seconds / unit;
  return `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;
}

/** Return the sentence about an event of moderation, without a final period. */
export function describe({ action, target: name, actor: by, seconds, text }) {
  const [actor, target] = [by || HOST, name || "an address"];
  const lasting = seconds ? ` for ${durationWords(seconds)}` : "";
  const why = text ? `: ${text}` : "";
  return {
    [Action.KICK]: `${target} was removed by ${actor}${why}`,
    [Action.MUTE]: `${target} was muted by ${actor}${lasting}${why}`,
    [Action.UNMUTE]: `${target} was unmuted by ${actor}${why}`,
    [Action.BAN]: `${target} was banned by ${actor}${lasting}${why}`,
    [Action.UNBAN]: `${target} was unbanned by ${actor}${why}`,
    [Action.APPOINT]: `${target} was made a moderator by ${actor}`,
    [Action.DISMISS]: `${target} was removed as a moderator by ${actor}`,
    [Action.TITLE]: text ? `${actor} named this room “${text}”` : `${actor} removed this room's title`,
    [Action.LOCK]: `${actor} locked this room: no one else can join${why}`,
    [Action.UNLOCK]: `${actor} unlocked this room${why}`,
    [Action.READ_ONLY]: `${actor} made this room read-only: only moderators can write${why}`,
    [Action.WRITABLE]: `${actor} lets everyone write again${why}`,
    [Action.CLEAR]: `${actor} cleared this room's history${why}`,
    [Action.CLOSE]: `${actor} closed this room${why}`,
  }[action] ?? `${actor} carried out action ${action}${why}`;
}
