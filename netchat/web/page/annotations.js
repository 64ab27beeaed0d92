// Edits, deletions, replies and reactions: their text on the wire, and the messages that they change.
// Counterpart of netchat/wire/annotations.py and netchat/chat/annotation_log.py.

import { EventKind } from "./protocol.js";
import { skeleton } from "./outbox.js";
import { isInvisible } from "./text.js";

export const FEATURE_ANNOTATIONS = 32;
/** Kinds of events that refer to another event. */
export const ANNOTATIONS = [EventKind.EDIT, EventKind.DELETE, EventKind.REPLY, EventKind.REACTION];
/** Kinds of events that another event can refer to. */
export const MESSAGE_KINDS = [EventKind.CHAT, EventKind.REPLY, EventKind.FILE];
export const MAX_REACTION = 16; // characters
const MAX_TARGETS = 20_000; // messages of a room whose annotations are kept
const MAX_PER_TARGET = 1000;
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/; // as Python's isspace

/** Return the text of the event for an ANNOTATE with these fields. */
export const annotationText = (kind, target, text) => (kind === EventKind.DELETE ? String(target) : `${target}\n${text}`);

/** Return what an event says about another one: {kind, target, text, isRemoval}; null if its text has another form. */
export function parseAnnotation(kind, text) {
  if (!ANNOTATIONS.includes(kind)) return null;
  const at = text.indexOf("\n");
  const [number, rest] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  if (!/^[1-9][0-9]{0,18}$/.test(number) || BigInt(number) >= 1n << 63n) return null;
  const target = BigInt(number);
  if (kind === EventKind.DELETE) return at < 0 ? { kind, target, text: "", isRemoval: false } : null;
  if (kind === EventKind.REACTION) {
    if (reactionProblem(rest)) return null;
    return { kind, target, text: rest.slice(1), isRemoval: rest[0] === "-" };
  }
  return rest ? { kind, target, text: rest, isRemoval: false } : null;
}

/** Return what is wrong with the text of a reaction, or an empty string. */
export function reactionProblem(text) {
  if (!["+", "-"].includes(text[0])) return "A reaction begins with + or -.";
  const reaction = [...text.slice(1)];
  if (!reaction.length || reaction.length > MAX_REACTION) {
    return `A reaction has 1 to ${MAX_REACTION} characters, got ${reaction.length}.`;
  }
  const isVisible = reaction.some((character) => !isInvisible(character));
  return SPACE.test(text) || !isVisible ? "A reaction contains no space, and something visible." : "";
}

/** Return what users read about an event of these kinds where its target is not at hand. */
export function describeAnnotation(kind, text) {
  if (kind === EventKind.ERASED) return "(deleted)";
  const found = parseAnnotation(kind, text);
  if (!found) return text;
  const { target, isRemoval } = found;
  return {
    [EventKind.EDIT]: `(edited message ${target}) ${found.text}`,
    [EventKind.DELETE]: `(deleted message ${target})`,
    [EventKind.REPLY]: `(reply to message ${target}) ${found.text}`,
    [EventKind.REACTION]: `(${isRemoval ? "took back a reaction" : "reacted"} to message ${target}) ${found.text}`,
  }[kind];
}

/** The annotations of a room's messages, in whatever order the events are loaded. */
export class AnnotationLog {
  constructor() {
    this.byTarget = new Map(); // sequence number -> Map(sequence number of the annotation -> it)
  }

  /** Record an event. Returns the number of the message that it changes; null without one. */
  add({ kind, seq, sender, text, isSealed = false, problems = [] }) {
    const found = problems.length ? null : parseAnnotation(kind, text); // an event with problems proves nothing
    if (!found || found.kind === EventKind.REPLY || found.target >= seq) return null;
    let known = this.byTarget.get(found.target);
    if (!known) {
      this.byTarget.set(found.target, known = new Map());
      if (this.byTarget.size > MAX_TARGETS) this.byTarget.delete(this.byTarget.keys().next().value);
    }
    if (known.size < MAX_PER_TARGET) known.set(seq, { ...found, sender, isSealed });
    return found.target;
  }

  /**
   * Return the present state of a message: {text, isEdited, isDeleted, deletedBy, reactions, answers}.
   *
   * `reactions` maps each reaction to the names of the users who reacted, `answers` is the number of the message
   * that a reply answers, or null.
   */
  view({ kind, seq, sender, text }) {
    const reply = kind === EventKind.REPLY ? parseAnnotation(kind, text) : null;
    const state = {
      text: reply ? reply.text : text, answers: reply ? reply.target : null, isEdited: false,
      isDeleted: kind === EventKind.ERASED, deletedBy: "", reactions: new Map(),
    };
    const own = skeleton(sender);
    const known = [...(this.byTarget.get(seq) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [, each] of known) {
      // The server has checked the others.
      const isAllowed = !each.isSealed || skeleton(each.sender) === own;
      if (each.kind === EventKind.REACTION) react(state.reactions, each);
      else if (isAllowed && each.kind === EventKind.DELETE) {
        state.isDeleted = true;
        state.deletedBy = each.sender;
      } else if (isAllowed && [EventKind.CHAT, EventKind.REPLY].includes(kind)) {
        state.isEdited = true;
        state.text = each.text;
      }
    }
    if (state.isDeleted) Object.assign(state, { text: "", isEdited: false, reactions: new Map() });
    return state;
  }

  /** Forget the annotations of the messages before a sequence number. */
  clearBefore(seq) {
    for (const target of this.byTarget.keys()) if (target < seq) this.byTarget.delete(target);
  }
}

function react(reactions, { text, sender, isRemoval }) {
  const names = reactions.get(text) ?? [];
  const others = names.filter((name) => skeleton(name) !== skeleton(sender));
  if (!isRemoval) others.push(sender);
  if (others.length) reactions.set(text, others);
  else reactions.delete(text);
}
