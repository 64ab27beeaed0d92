// The operator's tools on the dashboard: dialogs for a user and for a room.

import { showText } from "./text.js";

const $ = (id) => document.getElementById(id);
const LOCKED = 1, READ_ONLY = 2;
const DAY = 86_400, MUTE = 600;
const NAME_DEVICE_ADDRESS = 7;

export class Hosting {
  constructor() {
    this.send = () => {}; // set by server.js
    this.number = 0;
    this.waiting = new Map(); // number of a request -> what to do with its answer
    this.user = this.room = null;
    const press = (id, action) => $(id).addEventListener("click", action);
    for (const [id, what, more] of [
      ["kick", "kick"], ["mute", "mute", { seconds: MUTE }], ["unmute", "unmute"],
      ["ban", "ban", { seconds: DAY }], ["ban-always", "ban"],
      ["ban-address", "ban", { seconds: DAY, scope: NAME_DEVICE_ADDRESS }],
      ["appoint", "appoint"], ["dismiss", "dismiss"],
    ]) {
      press(`user-${id}`, () => this.act(what, $("user-room").value, { target: this.user.name, text: $("user-reason").value, ...more }));
    }
    press("room-lock", () => this.act(this.room.flags & LOCKED ? "unlock" : "lock", this.room.code));
    press("room-readonly", () => this.act(this.room.flags & READ_ONLY ? "writable" : "read_only", this.room.code));
    press("room-clear", () => this.act("clear", this.room.code));
    press("room-close", () => this.act("close", this.room.code));
    press("room-bans", () => this.showBans());
    for (const format of ["txt", "html", "csv", "jsonl"]) press(`room-${format}`, () => this.export(format));
    $("room-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.act("title", this.room.code, { text: $("room-title").value.trim() });
    });
    for (const button of document.querySelectorAll("dialog .cancel")) {
      button.addEventListener("click", () => button.closest("dialog").close());
    }
  }

  showUser(user) {
    this.user = user;
    $("user-name").textContent = user.name;
    $("user-reason").value = "";
    const rooms = ["lobby", ...user.rooms.filter((code) => code !== "lobby")];
    $("user-room").replaceChildren(...rooms.map((code) => {
      const text = code === "lobby" ? "The whole server (mute: the lobby)" : `Room ${code}`;
      return Object.assign(document.createElement("option"), { value: code, textContent: text });
    }));
    $("user-dialog").showModal();
    $("user-kick").focus();
  }

  showRoom(room) {
    this.room = room;
    $("room-name").textContent = showText(room.title ? `${room.title} (${room.code})` : room.code);
    $("room-title").value = room.title;
    $("room-lock").textContent = room.flags & LOCKED ? "Unlock: let new members in" : "Lock: let no new members in";
    $("room-readonly").textContent = room.flags & READ_ONLY ? "Let everyone write again" : "Read-only: only moderators write";
    $("room-close").hidden = room.code === "lobby";
    $("room-ban-list").replaceChildren();
    $("room-dialog").showModal();
  }

  act(what, room, fields = {}) {
    document.querySelectorAll("dialog[open]").forEach((each) => each.close());
    this.ask({ do: what, room, ...fields });
  }

  ask(request, done = () => {}) {
    this.number += 1;
    this.waiting.set(this.number, done);
    $("problem").textContent = "";
    this.send({ id: this.number, ...request });
  }

  answered({ answer, problem, ...fields }) {
    const done = this.waiting.get(answer);
    this.waiting.delete(answer);
    $("problem").textContent = showText(problem);
    if (!problem) done?.(fields);
  }

  showBans() {
    this.ask({ do: "bans", room: this.room.code }, ({ bans }) => {
      const rows = bans.map((ban) => {
        const until = ban.until ? `until ${new Date(ban.until * 1000).toLocaleString()}` : "until lifted";
        const row = document.createElement("li");
        row.textContent = showText(`${ban.name || ban.address}, ${until}, by ${ban.by}${ban.reason ? `: ${ban.reason}` : ""} `);
        const lift = Object.assign(document.createElement("button"), { type: "button", textContent: "Lift" });
        lift.addEventListener("click", () => this.act("unban", this.room.code, { target: `#${ban.number}` }));
        row.append(lift);
        return row;
      });
      const none = Object.assign(document.createElement("li"), { textContent: "No one is banned." });
      $("room-ban-list").replaceChildren(...(rows.length ? rows : [none]));
    });
  }

  /** Save the room's log as a file. */
  export(format) {
    this.ask({ do: "export", room: this.room.code, format }, ({ file, content }) => {
      const url = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
      const link = Object.assign(document.createElement("a"), { href: url, download: file });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    });
  }
}
