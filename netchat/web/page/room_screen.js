// The screen of a room: header, messages, composer and panels.

import { perform } from "./actions.js";
import { Composer } from "./composer.js";
import { $, touch } from "./dom.js";
import { HostTools, isHost } from "./host_tools.js";
import { hooks as inviteHooks, invitation, refreshSecret, showInvitation, showSafety } from "./invite.js";
import { Keyboard } from "./keyboard.js";
import { MessageMenu } from "./message_menu.js";
import { LogView } from "./log.js";
import { People } from "./people.js";
import { Pinned } from "./pinned.js";
import { Sidebar, count } from "./sidebar.js";
import { LOBBY, readCode, readInvitation, showCode, showText } from "./text.js";

const narrow = matchMedia("(max-width: 760px)"); // a panel covers the screen
const hasDrawer = matchMedia("(max-width: 1000px)"); // the room list is a drawer
const wide = matchMedia("(min-width: 1100px)");
const REVEALED = 500; // events loaded at a time to reach an old message
const PANELS = ["people", "hood"];
const SIDE = "side"; // the drawer

const closeDialogs = () => document.querySelectorAll("dialog[open]").forEach((each) => each.close());

export class Screen {
  constructor(chat, inspector, status, navigation) {
    this.chat = chat;
    this.inspector = inspector;
    this.status = status;
    this.navigation = navigation;
    this.logs = new Map(); // room -> LogView
    this.composer = new Composer(chat, (command) => perform(this, command));
    this.sidebar = new Sidebar(chat, {
      open: (room) => (room === chat.current ? this.back() : this.go(() => chat.open(room))),
    });
    const write = (name) => this.go(() => chat.openPrivate(name));
    this.tools = new HostTools(chat, { write });
    this.people = new People(chat, { write, moderate: (name) => this.tools.showMember(name) });
    this.pinned = new Pinned();
    this.listen();
    this.wire();
    this.keyboard = new Keyboard(this);
    this.menu = new MessageMenu(this);
  }

  /** Pass changes of the model on to the view of their room. */
  listen() {
    const { chat } = this;
    const log = (room) => this.logs.get(room);
    chat.on("appended", ({ room, entries }) => {
      log(room)?.append(entries);
      if (room === chat.current) this.header(room);
      this.updateRead();
    });
    chat.on("prepended", ({ room, entries }) => {
      log(room)?.prepend(entries);
      if (!log(room)?.arrived && room === chat.current) this.arrive(room);
    });
    chat.on("pending", (room) => {
      log(room)?.showTail();
      log(room)?.markUnread();
      if (room === chat.current) log(room)?.toEnd();
    });
    chat.on("reset", ({ room, isNewLog }) => {
      if (isNewLog) log(room)?.restart();
      else log(room)?.show([]);
      if (room === chat.current) this.show(room);
    });
    chat.on("cleared", (room) => log(room)?.show(room.entries));
    chat.on("described", (room) => room === chat.current && this.header(room));
    chat.on("trimmed", (room) => log(room)?.trim());
    chat.on("removed", (room) => {
      log(room)?.element.remove();
      this.logs.delete(room);
    });
    chat.on("left", ({ room }) => {
      const view = chat.rooms.get(room);
      if (view?.over && view === chat.current) this.show(view);
    });
    chat.on("online", () => {
      this.logs.forEach((view) => view.scrolled());
      $("renaming").close();
    });
    chat.on("renamed", () => $("renaming").close());
    chat.on("secret", ({ room }) => {
      refreshSecret(room);
      if (room === chat.current?.code) this.header(chat.current);
    });
    chat.on("found", async (answer) => (await import("./search.js")).takeFound(answer));
    chat.on("safety", (number) => showSafety(number, () => chat.core.sealing.pins.markVerified(number.name)));
    for (const kind of ["focus", "blur"]) window.addEventListener(kind, () => this.updateRead());
    document.addEventListener("visibilitychange", () => this.updateRead());
  }

  wire() {
    const { chat } = this;
    inviteHooks.project = async (code) => (await import("./projector.js")).project(chat.rooms.get(code));
    const press = (id, action) => $(id).addEventListener("click", action);
    press("more-open", () => this.more(!this.isMoreOpen));
    press("toolbar", () => this.more(false));
    document.addEventListener("pointerdown", ({ target }) => {
      if (this.isMoreOpen && !target.closest("#toolbar, #more-open")) this.more(false);
    });
    press("search-open", () => this.search());
    press("help-open", () => perform(this, { verb: "help", words: [] }));
    press("menu", () => this.drawer(true));
    press("side-close", () => this.back());
    press("shade", () => this.back());
    press("jump", () => this.logs.get(chat.current)?.toEnd());
    press("invite-open", () => showInvitation(chat.current));
    press("safety-open", () => perform(this, { verb: "safety", words: chat.current.private ? [chat.current.peer] : [] }));
    press("new-sealed", () => this.go(() => this.createSealed()));
    press("leave", () => $("leaving").showModal());
    press("leave-yes", () => chat.leave(chat.current));
    press("new-room", () => this.go(() => chat.create()));
    press("join-open", () => this.ask("joining", "join-code"));
    press("rename-open", () => this.askName());
    press("quit-open", () => $("quitting").showModal());
    press("quit-yes", () => this.quit());
    press("ended-again", () => location.assign(location.pathname));
    for (const id of PANELS) {
      press(`${id}-open`, () => this.panel($(id).hidden ? id : ""));
      press(`${id}-close`, () => this.back());
    }
    $("join-form").addEventListener("submit", (event) => this.joining(event));
    $("rename-form").addEventListener("submit", (event) => this.renaming(event));
    for (const button of document.querySelectorAll("dialog [value=cancel]")) {
      button.addEventListener("click", () => button.closest("dialog").close());
    }
    for (const dialog of document.querySelectorAll("dialog:not(.firm)")) {
      dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
    }
    for (const width of [narrow, hasDrawer]) width.addEventListener("change", () => this.closeAll());
    // In Safari, the on-screen keyboard covers the page instead of shrinking it.
    visualViewport?.addEventListener("resize", () => {
      if (visualViewport.scale === 1) document.body.style.height = `${visualViewport.height}px`;
    });
  }

  // -- the current room -----------------------------------------------------------------------

  show(room) {
    const first = $("chat").hidden;
    $("chat").hidden = false;
    if (first && wide.matches) this.panel("people");
    for (const [other, { element }] of this.logs) element.hidden = other !== room;
    if (!this.logs.has(room)) this.build(room);
    this.header(room);
    this.composer.open(room);
    this.arrive(room);
    closeDialogs();
    if (touch.matches) $("title").focus();
    else this.composer.field.focus();
  }

  hide() {
    closeDialogs();
    $("chat").hidden = true;
  }

  build(room) {
    const head = room.joinable ? invitation(room, true) : this.welcome(room);
    const view = new LogView(this.chat, room, head, {
      edit: (text) => this.composer.edit(text),
      scrolled: () => room === this.chat.current && this.updateRead(),
    });
    view.element.addEventListener("click", ({ target }) => this.clicked(room, target));
    if (room.sealed) setTimeout(() => refreshSecret(room.code));
    this.logs.set(room, view);
    $("logs").append(view.element);
  }

  welcome(room) {
    const text = room.private
      ? `Messages here go only to you and ${showText(room.peer)}.`
      : "The lobby is open to everyone on this server.";
    return Object.assign(document.createElement("p"), { className: "notice", textContent: text });
  }

  arrive(room) {
    const view = this.logs.get(room);
    view.arrived = room.entries.length > 0 || room.begins;
    view.arrive();
  }

  header(room) {
    $("title").textContent = showText(room.title);
    $("title").className = room.joinable && !room.name ? "code" : "";
    const modes = `${room.locked ? ", locked" : ""}${room.readOnly ? ", read-only" : ""}`;
    $("subtitle").textContent = room.private ? (room.over ? "has left the chat" : "private conversation")
      : room.over ? showText(room.why) || "this room no longer exists on the server"
        : (room.code === LOBBY ? "everyone on this server"
          : room.sealed ? "sealed: only members can read the messages"
            : room.name ? showCode(room.code) : "room code") + modes;
    $("safety-open").hidden = room.over || !this.chat.core.sealing?.isSealed(room.code);
    this.tools.header(room);
    $("logs").classList.toggle("hosted", isHost(room));
    $("invite-open").hidden = !room.joinable || room.over;
    $("people-open").hidden = room.private || room.over;
    $("leave-what").textContent = room.private ? `Close the conversation with ${showText(room.peer)}?`
      : `Leave ${room.code === LOBBY ? "the lobby" : `the room ${showCode(room.code)}`}?`;
    $("composer").hidden = room.over || (room.readOnly && room.role === 0);
  }

  /** Mark visible messages as read, and update the jump button. */
  updateRead() {
    const { current: room } = this.chat;
    const view = this.logs.get(room);
    if (!view || $("chat").hidden) return;
    const { atEnd } = view;
    this.pinned.update(view);
    this.chat.watch(atEnd && document.hasFocus() && !document.hidden);
    $("jump").hidden = atEnd;
    const { unread } = room.kept;
    $("jump-count").textContent = unread ? `${count(unread)} new` : "";
  }

  /** While the frame inspector is open, show the frame that carried the clicked message. */
  clicked(room, target) {
    const sender = target.closest(".other .avatar, .other .name") && target.closest(".message").dataset.sender;
    if (sender && isHost(room)) this.tools.showMember(sender);
    else this.reveal(room, target);
  }

  reveal(room, target) {
    const item = target.closest(".item");
    if (!item?.dataset.seq || !this.inspector.open || touch.matches || target.closest("button, a") || String(getSelection())) return;
    if (!this.inspector.reveal(room.code, BigInt(item.dataset.seq))) {
      this.status.toast("The frame of this message is no longer in the list.");
    }
  }

  /** Show the frame of a message under the hood. */
  showFrame(room, seq) {
    this.panel("hood");
    if (!this.inspector.reveal(room.code, seq)) this.status.toast("The frame of this message is no longer in the list.");
  }

  /** Open the search, and begin if there are words. */
  async search(words = "") {
    (await import("./search.js")).openSearch(this, words);
  }

  /** Scroll to a message, after loading the history up to it. */
  async revealMessage(room, seq) {
    const { chat } = this;
    while (!room.find(seq) && !room.begins && chat.core.online && room === chat.current) {
      const isLoaded = new Promise((resolve) => chat.addEventListener("prepended", resolve, { once: true }));
      chat.loadOlder(room, REVEALED);
      await isLoaded;
    }
    if (room === chat.current && !this.logs.get(room)?.reveal(seq)) this.status.toast("The server no longer has that message.");
  }

  // -- panels and dialogs ---------------------------------------------------------------------

  /** Run an action that switches to another room. */
  go(action) {
    if (narrow.matches) this.closeAll();
    else if (this.drawerOpen) this.drawer(false);
    action();
  }

  /** Close the open panel, through the browser's history if it has an entry there. */
  back() {
    if (this.isMoreOpen) {
      this.more(false);
      $("more-open").focus();
    } else if (!this.navigation.uncover()) this.closeAll();
  }

  /** Restore the panel of an entry in the browser's history, and close all others. */
  showCover(id) {
    this.closeAll();
    if (id === SIDE && hasDrawer.matches) this.drawer(true);
    else if (PANELS.includes(id) && narrow.matches) this.panel(id);
  }

  showRooms() {
    if (hasDrawer.matches) this.drawer(true);
    else $("rooms").querySelector("button")?.focus();
  }

  panel(id) {
    for (const each of PANELS) {
      $(each).hidden = each !== id;
      $(`${each}-open`).setAttribute("aria-expanded", String(each === id));
    }
    if (id === "hood") this.inspector.draw();
    if (id === "people") this.people.draw();
    this.cover();
    if (!id || !narrow.matches) return;
    this.navigation.cover(id);
    $(`${id}-close`).focus();
  }

  get isMoreOpen() { return $("toolbar").classList.contains("open"); }

  /** Open or close the menu that holds the tools of the header where they do not fit. */
  more(open) {
    $("toolbar").classList.toggle("open", open);
    $("more-open").setAttribute("aria-expanded", String(open));
    if (open) $("toolbar").querySelector("button:not([hidden])").focus();
  }

  drawer(open) {
    $("side").classList.toggle("open", open);
    $("menu").setAttribute("aria-expanded", String(open));
    this.cover();
    if (open) this.navigation.cover(SIDE);
    (open ? $("side-close") : $("menu")).focus();
  }

  /** Whether anything is open that Escape closes. */
  get isOpen() {
    return this.isMoreOpen || this.drawerOpen || !$("hood").hidden || (narrow.matches && !$("people").hidden);
  }

  get drawerOpen() { return $("side").classList.contains("open"); }

  closeAll() {
    if (this.drawerOpen) this.drawer(false);
    const opened = PANELS.find((id) => !$(id).hidden);
    if (opened && (narrow.matches || opened === "hood")) {
      this.panel("");
      $(`${opened}-open`).focus();
    }
    this.cover();
  }

  /** Make the parts of the page that are covered inert. */
  cover() {
    const { drawerOpen } = this;
    const panel = PANELS.some((id) => !$(id).hidden);
    $("room").inert = drawerOpen || (narrow.matches && panel);
    $("side").inert = hasDrawer.matches && !drawerOpen;
    $("shade").hidden = !drawerOpen;
  }

  ask(dialog, field) {
    this.problem(dialog, "");
    $(dialog).showModal();
    $(field).value = "";
    $(field).focus();
  }

  askName(why = "", suggestion = this.chat.name) {
    this.ask("renaming", "rename-name");
    this.problem("renaming", why);
    $("rename-name").value = suggestion;
    $("rename-name").select();
  }

  createSealed() {
    const problem = this.chat.create(true);
    if (problem) this.status.toast(problem);
  }

  /** Join a room by an invitation with a secret. */
  async joinWritten(written) {
    const { code, secret } = readInvitation(written);
    if (!readCode(code)) return this.status.toast("This is not a room code. Room codes look like 7K3F9-2MQ0T.");
    try {
      const bytes = secret ? await this.readSecret(secret) : null;
      return this.go(() => this.chat.join(readCode(code), bytes));
    } catch ({ message }) {
      return this.status.toast(message);
    }
  }

  async readSecret(written) {
    if (!this.chat.core.sealing) throw new Error(this.chat.whyUnsealed);
    const { readSecret } = await import("./seal_crypto.js");
    return readSecret(written);
  }

  joining(event) {
    event.preventDefault();
    const { code: written, secret } = readInvitation($("join-code").value);
    if (secret) {
      $("joining").close();
      return this.joinWritten($("join-code").value);
    }
    const code = readCode(written);
    if (!code) return this.problem("joining", "This is not a room code. Room codes look like 7K3F9-2MQ0T.");
    return this.go(() => this.chat.join(code));
  }

  renaming(event) {
    event.preventDefault();
    const name = $("rename-name").value.trim();
    if (!name) return this.problem("renaming", "Enter a name.");
    if (name === this.chat.name && this.chat.core.online) return $("renaming").close();
    return this.rename(name);
  }

  /** Show a refused request in its dialog. Returns whether it has one. */
  refuse(request, why, suggestion) {
    if (request?.name === "SEARCH") {
      import("./search.js").then(({ refuseSearch }) => refuseSearch(why));
      return true;
    }
    const dialog = { JOIN: "joining", RENAME: "renaming" }[request?.name];
    if (!dialog) return false;
    if (!$(dialog).open) $(dialog).showModal();
    this.problem(dialog, suggestion ? `${why} ${showText(suggestion)} is free.` : why);
    return true;
  }

  problem(dialog, why) {
    $(`${dialog}-problem`).textContent = showText(why);
  }
}
