// A moderator's tools: the menus of a member and of the room.

import { $, h } from "./dom.js";
import { HOST } from "./moderation_text.js";
import { ModeratorAction as Action } from "./protocol.js";
import { showText } from "./text.js";

/** Return whether this user moderates a room. */
export const isHost = (room) => room.role > 0 && !room.private;

/** Menus of a room's moderator: one for a member, one for the room. */
export class HostTools {
  constructor(chat, hooks) {
    this.chat = chat;
    this.hooks = hooks;
    this.member = "";
    const press = (id, action) => $(id).addEventListener("click", action);
    press("tools-open", () => this.showRoom());
    press("member-write", () => this.close(() => hooks.write(this.member)));
    for (const [id, action, more] of [
      ["member-kick", Action.KICK], ["member-mute", Action.MUTE, { seconds: 600 }],
      ["member-unmute", Action.UNMUTE], ["member-ban", Action.BAN, { seconds: 86_400 }],
      ["member-ban-always", Action.BAN], ["member-appoint", Action.APPOINT], ["member-dismiss", Action.DISMISS],
    ]) press(id, () => this.close(() => this.act(action, { target: this.member, text: $("member-reason").value, ...more })));
    press("tools-lock", () => this.close(() => this.act(chat.current.locked ? Action.UNLOCK : Action.LOCK)));
    press("tools-readonly", () => this.close(() => this.act(chat.current.readOnly ? Action.WRITABLE : Action.READ_ONLY)));
    press("tools-clear", () => this.confirm("Delete this room's history for everyone?", "Clear history", Action.CLEAR));
    press("tools-close", () => this.confirm("Close this room and remove everyone from it?", "Close room", Action.CLOSE));
    press("tools-bans", () => chat.askBans(chat.current));
    for (const suffix of ["txt", "html", "csv", "jsonl"]) press(`tools-${suffix}`, () => this.close(() => this.export(suffix)));
    press("confirm-yes", () => this.close(() => this.act(this.confirmed)));
    $("tools-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.close(() => this.act(Action.TITLE, { text: $("tools-title").value.trim() }));
    });
    chat.on("moderated", ({ action }) => action === Action.UNBAN && chat.askBans(chat.current)); // show the rest
    chat.on("bans", (detail) => this.showBans(detail));
    chat.on("described", (room) => room === chat.current && this.header(room));
  }

  /** Send a MODERATE about the current room. */
  act(action, fields = {}) {
    this.chat.moderate(this.chat.current, action, fields);
  }

  close(action) {
    document.querySelectorAll("dialog[open]").forEach((each) => each.close());
    action();
  }

  header(room) {
    $("tools-open").hidden = room.private || room.over;
    $("tools-open").classList.toggle("host", room.role > 0);
  }

  showMember(name) {
    const { role } = this.chat.current;
    this.member = name;
    $("member-name").textContent = showText(name);
    $("member-reason").value = "";
    for (const id of ["member-appoint", "member-dismiss"]) $(id).hidden = role < 2;
    const isMuted = this.chat.current.isMuted(name);
    $("member-mute").hidden = isMuted === true;
    $("member-unmute").hidden = isMuted === false;
    $("member").showModal();
    $("member-kick").focus();
  }

  showRoom() {
    const { current: room } = this.chat;
    const isHost = room.role > 0;
    $("tools-title").value = room.name;
    $("tools-host").hidden = $("tools-form").hidden = !isHost;
    $("tools-lock").textContent = room.locked ? "Unlock: let new members in" : "Lock: let no new members in";
    $("tools-readonly").textContent = room.readOnly ? "Let everyone write again" : "Read-only: only moderators write";
    $("tools-close").hidden = !room.joinable;
    $("tools").showModal();
  }

  confirm(question, button, action) {
    $("tools").close();
    this.confirmed = action;
    $("confirm-what").textContent = question;
    $("confirm-yes").textContent = button;
    $("confirm").showModal();
  }

  showBans({ room, bans }) {
    if (room !== this.chat.current) return;
    document.querySelectorAll("dialog[open]").forEach((each) => each.close());
    const row = (ban) => {
      const lift = () => this.close(() => this.act(Action.UNBAN, { target: `#${ban.number}` }));
      const until = ban.until ? `until ${new Date(Number(ban.until / 1000n)).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}` : "until lifted";
      const about = `${until}, by ${ban.actor || HOST}${ban.reason ? `: ${ban.reason}` : ""}`;
      return h("li", { class: "row" },
        h("span", { class: "two" }, h("bdi", {}, showText(ban.name || ban.address || "an address")),
          h("span", { class: "said" }, showText(about))),
        h("button", { type: "button", class: "textual", onclick: lift }, "Lift"));
    };
    $("bans-list").replaceChildren(...(bans.length ? bans.map(row) : [h("li", { class: "notice" }, "No one is banned.")]));
    $("bans").showModal();
  }

  /** Save the room's log as a file, once all of it has arrived. */
  export(suffix) {
    const { current: room } = this.chat;
    this.chat.exportRoom(room, async (events) => {
      const { exportLog } = await import("./room_export.js");
      const content = new Blob([exportLog(events, suffix, room)], { type: "application/octet-stream" });
      const link = h("a", { href: URL.createObjectURL(content), download: `${room.code}.${suffix}` });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    });
  }
}
