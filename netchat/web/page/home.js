// The first screen: choose a name and a room.

import { avatar } from "./log_line.js";
import { $, h, touch } from "./dom.js";
import { takeOver } from "./tabs.js";
import { LOBBY, readCode, readInvitation, showCode, showText } from "./text.js";

const NAME_KEY = "netchat:name"; // the last name used, for new tabs

export class Home {
  /**
   * @param go called with (name, {create} or {join: code})
   * @param open called with the room to go back to
   */
  constructor(go, open) {
    this.go = go;
    $("home-return").addEventListener("click", () => open(this.room));
    this.whyUnsealed = () => ""; // why this browser cannot seal; set by app.js
    this.form = $("home-form");
    this.name = $("home-name");
    this.code = $("home-code");
    this.name.value ||= remembered(); // it may have been typed while the modules loaded
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit(event.submitter?.value ?? "");
    });
    for (const field of [this.name, this.code]) {
      field.addEventListener("input", () => this.typed());
      field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.isComposing) return;
        event.preventDefault(); // otherwise Enter would click the first button
        this.submit("");
      });
    }
    this.typed();
  }

  /**
   * Show the screen: with `code`, as an invitation to that room; with `room`, with a button back to it.
   * @param other another live tab of this browser, if any: in the room with that code, or else in the chat
   */
  show({ code = "", secret = "", room = null, other = null } = {}) {
    $("home").hidden = false;
    this.room = room;
    $("home-return").hidden = !room;
    $("home-return").textContent = room ? `Back to ${room.private ? showText(room.title) : place(room.code)}` : "";
    this.setBusy(false);
    if (code) this.code.value = secret ? `${showCode(code)}#${secret}` : showCode(code);
    $("home-sealed").hidden = !secret;
    const invited = Boolean(code);
    $("home-invited").hidden = !invited || Boolean(other?.rooms.includes(code));
    $("home-invited-code").textContent = showCode(code);
    this.secret = secret;
    this.showOtherTab(other, code);
    this.form.classList.toggle("invited", invited);
    this.typed();
    if (!touch.matches) (this.name.value && !invited ? this.code : this.name).focus();
    if (!touch.matches && !this.code.value) this.name.focus();
  }

  /** If another tab is in the chat, offer to take over from it or to enter under another name. */
  showOtherTab(other, code) {
    $("home-elsewhere").hidden = !other;
    if (!other) return;
    if (this.name.value === other.name) this.name.value = ""; // the other tab uses it
    const isThere = other.rooms.includes(code);
    const name = h("bdi", {}, showText(other.name));
    $("home-elsewhere").replaceChildren(
      h("p", {}, "Another tab is in ", isThere ? place(code) : "the chat", " as ", h("b", {}, name)),
      h("button", { type: "button", class: "primary", onclick: () => {
        if (this.secret) history.replaceState(history.state, "", `#${this.secret}`); // for the reload
        takeOver(other.here);
      } },
        ...(code && !isThere ? ["Join as ", name.cloneNode(true)] : ["Continue here instead"])),
      h("p", {}, `or ${code ? "join" : "start"} under another name`));
  }

  hide() {
    $("home").hidden = true;
  }

  /** Offer the name that the user has changed to, here and in new tabs. */
  renamed(name) {
    this.name.value = name;
    remember(name);
  }

  typed() {
    const name = this.name.value.trim();
    $("home-avatar").replaceChildren(avatar(name || "?"));
    const hasShortcut = [$("home-return"), $("home-elsewhere")].some(({ hidden }) => !hidden); // its button is the primary one
    const code = Boolean(this.code.value.trim());
    $("home-join").classList.toggle("primary", code && !hasShortcut);
    $("home-create").classList.toggle("primary", !code && !hasShortcut);
    this.problem("name", "");
    this.problem("code", "");
  }

  submit(button) {
    const name = this.name.value.trim();
    if (!name) return this.problem("name", "Enter a name first.");
    // Enter in a field joins if there is a code, and otherwise creates a room.
    const action = button || (this.code.value.trim() ? "join" : "create");
    const isSealed = action === "create-sealed";
    const written = readInvitation(this.code.value);
    const code = action === "lobby" ? LOBBY : readCode(written.code);
    const why = isSealed || (action === "join" && written.secret) ? this.whyUnsealed() : "";
    if (why) return this.problem("code", why);
    if (action === "join" && !code) {
      return this.problem("code", "This is not a room code. Room codes have ten letters and digits, like 7K3F9-2MQ0T.");
    }
    remember(name);
    this.setBusy(true);
    return this.go(name, action === "create" || isSealed ? { create: true, isSealed }
      : { join: code, secret: action === "join" ? written.secret : "" });
  }

  /** Show that the server refused the name, with its suggestion if there is one. */
  refuseName(why, suggestion) {
    this.setBusy(false);
    this.problem("name", why, suggestion);
  }

  refuseCode(why) {
    this.setBusy(false);
    this.form.classList.remove("invited");
    this.problem("code", why);
  }

  setBusy(isBusy) {
    this.form.setAttribute("aria-busy", String(isBusy));
    for (const button of this.form.querySelectorAll("button")) button.disabled = isBusy;
  }

  problem(field, why, suggestion = "") {
    const place = $(`home-${field}-problem`);
    place.replaceChildren(showText(why));
    if (suggestion) {
      const use = () => {
        this.name.value = suggestion;
        this.typed();
        this.submit("");
      };
      place.append(" ", h("button", { type: "button", class: "textual", onclick: use }, `Use ${showText(suggestion)}`));
    }
    this[field].setAttribute("aria-invalid", why ? "true" : "false");
    if (why) this[field].focus();
  }
}

const place = (code) => (code === LOBBY ? "the lobby" : showCode(code));

function remember(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // The user will have to type it again next time.
  }
}

function remembered() {
  try {
    return localStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return "";
  }
}
