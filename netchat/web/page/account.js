// The account dialog: register, log in, change the password, log out.
// Its forms have the attributes by which password managers recognise them.

import { $ } from "./dom.js";
import { ErrorCode } from "./protocol.js";
import { showText } from "./text.js";

const TITLES = { login: "Log in", register: "Register your name", password: "Change your password", account: "Your account" };
const ROLES = ["member", "moderator", "owner"];

export class Account {
  /**
   * @param connection the Connection
   * @param toast shows a short message
   */
  constructor(chat, connection, toast) {
    this.chat = chat;
    this.core = chat.core;
    this.connection = connection;
    this.toast = toast;
    this.mode = "login";
    this.taken = null; // {name, suggestion}: a name that needs a login, and a free one that is similar or the same
    this.needsInvitation = false; // the server has refused to register without one
    this.dialog = $("account");
    this.form = $("account-form");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.dialog.addEventListener("close", () => this.form.reset()); // passwords must not stay in the page
    $("account-open").addEventListener("click", () => this.ask(this.core.account ? "account" : "register"));
    $("account-other").addEventListener("click", () => this.switchMode());
    $("account-change").addEventListener("click", () => this.ask("password"));
    $("account-logout").addEventListener("click", () => this.logOut(false));
    $("account-logout-all").addEventListener("click", () => this.logOut(true));
    chat.on("loginRequired", ({ name, why, suggestion }) => {
      this.taken = { name, suggestion };
      connection.pause(); // otherwise it would keep asking
      this.onRequired();
      this.ask("login", { name, why });
    });
    chat.on("loginFailed", ({ why, code, suggestion }) => {
      if (!this.core.memory.token.length) connection.pause();
      this.busy(false);
      this.onRequired();
      if (!this.dialog.open) this.ask(this.mode, { name: $("account-name").value });
      this.showRefusal(code, suggestion ? `${why} ${showText(suggestion)} is free.` : why);
    });
    chat.on("account", ({ name, role, request }) => {
      this.show();
      if (request) this.toast(this.mode === "password" ? "Your password is changed." : `${showText(name)} is registered.`);
      else if (this.dialog.open && name) this.toast(`You are logged in as ${showText(name)}.`);
      if (name && this.dialog.open) this.dialog.close();
      this.busy(false);
      $("account-role").textContent = ROLES[role] ?? "";
    });
    chat.on("online", () => this.show());
    this.onRequired = () => {}; // set by app.js: the first screen waits no longer
  }

  /** Show or hide the button for the account. */
  show() {
    const { core } = this;
    const button = $("account-open");
    button.hidden = !core.hasAccounts;
    const label = core.account ? `Your account: ${showText(core.account)}` : "Register or log in";
    button.title = label;
    button.setAttribute("aria-label", label);
    button.classList.toggle("registered", Boolean(core.account));
  }

  /** Ask for a login instead of a registration, or vice versa. */
  switchMode() {
    const typed = $("account-name").value;
    const { name, suggestion } = this.taken ?? {};
    // A name that belongs to an account cannot be registered, but the server has suggested another.
    const isTaken = this.mode === "login" && name === typed && suggestion;
    this.ask(this.mode === "login" ? "register" : "login", { name: isTaken ? suggestion : typed, isNamed: true });
  }

  /** Open the dialog. Returns an error message, or an empty string. */
  ask(mode, { name = "", why = "", invitation = "", isNamed = Boolean(name) } = {}) {
    const { core, dialog } = this;
    if (core.online && !core.hasAccounts) return "This server has no accounts.";
    if (mode === "password" && !core.account) return "You are a guest on this server; register first.";
    if (mode === "register" && core.account) return `You are registered as ${showText(core.account)} already.`;
    this.mode = mode;
    $("account-title").textContent = TITLES[mode];
    const visible = {
      "account-name-field": mode !== "account" && mode !== "password",
      "account-password-field": mode === "login" || mode === "password",
      "account-new-field": mode === "register" || mode === "password",
      "account-invitation-field": mode === "register" && (this.needsInvitation || Boolean(invitation)),
      "account-own": mode === "account",
      "account-submit": mode !== "account",
      "account-other": mode === "login" || mode === "register",
      "account-insecure": mode !== "account" && !this.connection.isSafe,
    };
    for (const [id, isVisible] of Object.entries(visible)) {
      $(id).hidden = !isVisible;
      for (const input of $(id).querySelectorAll("input")) input.disabled = !isVisible;
    }
    const isFixed = mode === "register" && core.online; // a guest registers the present name
    $("account-name").value = isFixed ? core.name : isNamed ? name : core.name;
    $("account-name").readOnly = isFixed;
    if (invitation) $("account-invitation").value = invitation;
    $("account-who").textContent = showText(core.account);
    $("account-submit").textContent = { password: "Change", register: "Register" }[mode] ?? TITLES[mode];
    $("account-other").textContent = mode === "login" ? "Register instead" : "Log in instead";
    this.problem(why);
    this.busy(false);
    if (!dialog.open) dialog.showModal();
    const field = mode === "login" ? (($("account-name").value && "account-password") || "account-name")
      : mode === "password" ? "account-password" : ($("account-name").value && "account-new") || "account-name";
    if (mode !== "account") $(field).focus();
    return "";
  }

  submit() {
    const { core, mode } = this;
    const name = $("account-name").value.trim();
    const password = $("account-password").value;
    const new_ = $("account-new").value;
    const invitation = $("account-invitation").value.trim();
    if (mode !== "password" && !name) return this.problem("Enter a name first.");
    if (mode !== "register" && !password) return this.problem("Enter the password first.");
    if (mode !== "login" && !new_) return this.problem("Enter a new password first.");
    if (!this.connection.isSafe && !$("account-allow").checked) {
      return this.problem("The password was not sent: this page is not encrypted.");
    }
    this.problem("");
    this.busy(true);
    if (mode === "password") core.changePassword(password, new_);
    else if (mode === "register" && core.online) core.register(new_, invitation);
    else return this.enter({ name, password: password || new_, isNew: mode === "register", invitation });
    return this.connection.flush();
  }

  /** Log in or register on a new connection; a guest's session ends when it succeeds. */
  enter(credentials) {
    this.core.credentials = credentials;
    this.connection.restart();
  }

  /** Log out. Returns an error message, or an empty string. */
  logOut(everywhere) {
    if (!this.core.account) return "You are a guest on this server; /quit leaves it.";
    this.core.logOut(everywhere);
    this.connection.flush();
    return "";
  }

  /** Show a refused request. Returns whether the dialog shows it. */
  refuse(request, why, code) {
    if (!["REGISTER", "PASSWORD"].includes(request?.name)) return false;
    this.busy(false);
    if (!this.dialog.open) this.ask(request.name === "REGISTER" ? "register" : "password");
    this.showRefusal(code, why);
    return true;
  }

  /** Show why the server refuses, and the field for an invitation once it asks for one. */
  showRefusal(code, why) {
    this.problem(why);
    if (code !== ErrorCode.NO_REGISTRATION || !/invitation/i.test(why)) return;
    this.needsInvitation = true;
    $("account-invitation-field").hidden = $("account-invitation").disabled = false;
    $("account-invitation").focus();
  }

  busy(isBusy) {
    this.form.setAttribute("aria-busy", String(isBusy));
    $("account-submit").disabled = isBusy;
  }

  problem(why) {
    $("account-problem").textContent = showText(why);
  }
}
