// The first screen: a name, and the way into a room.

import { avatar } from "./line.js";
import { $, h, touch } from "./dom.js";
import { takeOver } from "./tabs.js";
import { LOBBY, readCode, showCode, showText } from "./text.js";

const WORD = "netchat:name"; // the name used last, for tabs to come

export class Home {
  /**
   * @param go called with (name, {create} or {join: code})
   * @param open called with the room to go back to
   */
  constructor(go, open) {
    this.go = go;
    $("home-return").addEventListener("click", () => open(this.room));
    this.form = $("home-form");
    this.name = $("home-name");
    this.code = $("home-code");
    this.name.value = remembered();
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit(event.submitter?.value ?? "");
    });
    for (const field of [this.name, this.code]) {
      field.addEventListener("input", () => this.typed());
      field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.isComposing) return;
        event.preventDefault(); // else it would be a press on the first button
        this.submit("");
      });
    }
    this.typed();
  }

  /**
   * Show it: with a code, as an invitation into that room; with a room, as a way back to it.
   * @param other the tab of this browser that is in the room of the code already, if there is one
   */
  show({ code = "", room = null, other = null } = {}) {
    $("home").hidden = false;
    this.room = room;
    $("home-return").hidden = !room;
    $("home-return").textContent = room ? `Back to ${room.private ? showText(room.title) : place(room.code)}` : "";
    this.busy(false);
    if (code) this.code.value = showCode(code);
    const invited = Boolean(code);
    $("home-invited").hidden = !invited || Boolean(other);
    $("home-invited-code").textContent = showCode(code);
    this.elsewhere(other, code);
    this.form.classList.toggle("invited", invited);
    this.typed();
    if (!touch.matches) (this.name.value && !invited ? this.code : this.name).focus();
    if (!touch.matches && !this.code.value) this.name.focus();
  }

  /** Another tab is in that room: go on here in its place, or join as somebody else. */
  elsewhere(other, code) {
    $("home-elsewhere").hidden = !other;
    if (!other) return;
    if (this.name.value === other.name) this.name.value = ""; // it is in use
    $("home-elsewhere").replaceChildren(
      h("p", {}, "Another tab is in ", place(code), " as ", h("b", {}, h("bdi", {}, showText(other.name)))),
      h("button", { type: "button", class: "primary", onclick: () => takeOver(other.here) }, "Go on here instead"),
      h("p", {}, "or join under another name"));
  }

  hide() {
    $("home").hidden = true;
  }

  typed() {
    const name = this.name.value.trim();
    $("home-avatar").replaceChildren(avatar(name || "?"));
    const back = [$("home-return"), $("home-elsewhere")].some(({ hidden }) => !hidden); // leads the way already
    const code = Boolean(this.code.value.trim());
    $("home-join").classList.toggle("primary", code && !back);
    $("home-create").classList.toggle("primary", !code && !back);
    this.problem("name", "");
    this.problem("code", "");
  }

  submit(wish) {
    const name = this.name.value.trim();
    if (!name) return this.problem("name", "Say first how others shall call you.");
    // Enter in a field is no press on a button: it does what the fields are filled for.
    const what = wish || (this.code.value.trim() ? "join" : "create");
    const code = what === "lobby" ? LOBBY : readCode(this.code.value);
    if (what === "join" && !code) {
      return this.problem("code", "This is no room code. One looks like 7K3F9-2MQ0T: ten letters and digits.");
    }
    try {
      localStorage.setItem(WORD, name);
    } catch {
      // It is typed again next time.
    }
    this.busy(true);
    return this.go(name, what === "create" ? { create: true } : { join: code });
  }

  /** The server says no to the name, and perhaps which one would do. */
  refuseName(why, suggestion) {
    this.busy(false);
    this.problem("name", why, suggestion);
  }

  refuseCode(why) {
    this.busy(false);
    this.form.classList.remove("invited");
    this.problem("code", why);
  }

  busy(on) {
    this.form.setAttribute("aria-busy", String(on));
    for (const button of this.form.querySelectorAll("button")) button.disabled = on;
  }

  problem(field, why, suggestion = "") {
    const place = $(`home-${field}-problem`);
    place.replaceChildren(why);
    if (suggestion) {
      const use = () => {
        this.name.value = suggestion;
        this.typed();
        this.submit("");
      };
      place.append(" ", h("button", { type: "button", class: "textual", onclick: use }, `Be ${showText(suggestion)}`));
    }
    this[field].setAttribute("aria-invalid", why ? "true" : "false");
    if (why) this[field].focus();
  }
}

const place = (code) => (code === LOBBY ? "the lobby" : showCode(code));

function remembered() {
  try {
    return localStorage.getItem(WORD) ?? "";
  } catch {
    return "";
  }
}
