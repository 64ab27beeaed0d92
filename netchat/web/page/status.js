// How the connection stands, and short notes on what went wrong.

import { $, h } from "./dom.js";
import { showText } from "./text.js";

const QUIET = 700; // ms: a connection that is back by then was never worth a word
const TOAST = 6000;

export class Status {
  constructor(chat, link, store) {
    this.chat = chat;
    this.link = link;
    this.store = store;
    $("retry").addEventListener("click", () => link.stir());
    chat.on("warned", ({ error }) => this.toast(error.text));
  }

  show() {
    const { phase } = this.link;
    document.documentElement.dataset.link = phase;
    const dot = $("link-state");
    dot.textContent = { online: "connected", ended: "ended" }[phase] ?? (this.seen ? "reconnecting" : "connecting");
    if (phase === "online") {
      this.seen = true;
      this.hide();
      if (!this.store.working) this.toast("This browser keeps nothing: a reload forgets what is unsent.");
    } else if (phase === "waiting") {
      this.lostAt ??= performance.now();
      clearTimeout(this.delay);
      this.delay = setTimeout(() => this.tick(), this.seen && performance.now() - this.lostAt < QUIET ? QUIET : 0);
    }
  }

  /** The banner, with the seconds to the next try. */
  tick() {
    clearTimeout(this.delay);
    const { phase, why, retryAt } = this.link;
    if (phase === "online" || phase === "ended" || phase === "idle") return;
    $("banner").hidden = false;
    $("why").textContent = why;
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

  /** Over for good: the page can only be loaded again. */
  ended(why) {
    this.hide();
    $("ended-why").textContent = why;
    $("ended").showModal();
  }

  toast(text) {
    const note = h("p", {}, showText(text));
    $("toasts").append(note);
    setTimeout(() => note.remove(), TOAST);
  }
}
