// The state of the connection, and short notices about problems.

import { $, h } from "./dom.js";
import { showText } from "./text.js";

const QUIET = 700; // ms; shorter interruptions are not shown
const TOAST = 6000;

export class Status {
  constructor(chat, connection, store) {
    this.chat = chat;
    this.connection = connection;
    this.store = store;
    $("retry").addEventListener("click", () => connection.recheck());
    chat.on("warned", ({ error }) => this.toast(error.text));
  }

  show() {
    const { phase } = this.connection;
    document.documentElement.dataset.link = phase;
    const dot = $("link-state");
    dot.textContent = { online: "connected", ended: "ended" }[phase] ?? (this.seen ? "reconnecting" : "connecting");
    if (phase === "online") {
      this.seen = true;
      this.hide();
      if (!this.store.working) this.toast("This browser does not store page data. Reloading discards unsent messages.");
    } else if (phase === "waiting") {
      this.lostAt ??= performance.now();
      clearTimeout(this.delay);
      this.delay = setTimeout(() => this.tick(), this.seen && performance.now() - this.lostAt < QUIET ? QUIET : 0);
    }
  }

  /** Update the banner with the seconds until the next attempt. */
  tick() {
    clearTimeout(this.delay);
    const { phase, why, retryAt } = this.connection;
    if (phase === "online" || phase === "ended" || phase === "idle") return;
    $("banner").hidden = false;
    $("why").textContent = showText(why);
    const seconds = Math.ceil((retryAt - performance.now()) / 1000);
    $("when").textContent = phase === "connecting" ? "Connecting…" : seconds > 0 ? `Next try in ${seconds} s.` : "";
    $("retry").hidden = phase === "connecting";
    this.delay = setTimeout(() => this.tick(), 500);
  }

  hide() {
    clearTimeout(this.delay);
    this.lostAt = undefined;
    $("banner").hidden = true;
  }

  /** Report that the session has ended; only reloading the page starts another. */
  ended(why) {
    this.hide();
    $("ended-why").textContent = showText(why);
    $("ended").showModal();
  }

  toast(text) {
    const note = h("p", {}, showText(text));
    $("toasts").append(note);
    setTimeout(() => note.remove(), TOAST);
  }
}
