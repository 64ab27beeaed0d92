// Notifications of private messages and of messages that name the user, while the page is in the background.
//
// Browsers allow them only in secure contexts (https, or this machine). The service worker shows them where
// it can, because phones accept them from nothing else.

import { $ } from "./dom.js";
import { showCode, showText } from "./text.js";

const WORKER = "/worker.js";
// The only script URL that the Content-Security-Policy lets a program set. The policy creates nothing else.
const policy = window.trustedTypes?.createPolicy("worker", { createScriptURL: () => WORKER });
const KEY = "netchat:notify"; // "on" if the user wants notifications
const MAX_SHOWN = 200; // characters of a message

export class Notifications {
  /** @param open called with the code of a room whose notification was pressed */
  constructor(chat, open, toast) {
    this.chat = chat;
    this.open = open;
    this.toast = toast;
    this.worker = null; // the service worker's registration
    this.button = $("notify");
    this.button.addEventListener("click", () => this.toggle());
    chat.on("notable", (detail) => this.take(detail));
    this.start();
  }

  get isSupported() { return isSecureContext && "Notification" in window; }
  get isOn() { return this.isSupported && Notification.permission === "granted" && read() === "on"; }

  async start() {
    this.show();
    if (!isSecureContext || !("serviceWorker" in navigator)) return;
    navigator.serviceWorker.addEventListener("message", ({ data }) => data.open && this.open(data.open));
    try {
      this.worker = await navigator.serviceWorker.register(policy ? policy.createScriptURL("") : WORKER);
    } catch {
      // Without it, desktop browsers still show notifications.
    }
  }

  show() {
    const { button, isOn } = this;
    button.hidden = !this.isSupported;
    button.setAttribute("aria-pressed", String(isOn));
    button.querySelector("use").setAttribute("href", isOn ? "#i-bell-on" : "#i-bell");
    const label = "Notify me of private messages and mentions";
    button.title = `${label}: ${isOn ? "on" : "off"}`;
    button.setAttribute("aria-label", label);
  }

  async toggle() {
    if (this.isOn) {
      write("off");
    } else if ((await Notification.requestPermission()) === "granted") {
      write("on");
    } else {
      this.toast("The browser blocks notifications of this page. Its settings can allow them.");
    }
    this.show();
  }

  /** Show a notification of a message, unless the user is looking at the page. */
  take({ room, event: { sender }, text }) {
    if (!this.isOn || (document.hasFocus() && !document.hidden)) return;
    const title = room.private ? showText(sender) : `${showText(sender)} in ${room.name ? showText(room.name) : showCode(room.code)}`;
    const options = { body: showText(text.slice(0, MAX_SHOWN)), tag: room.code, icon: "/page/icon-192.png", data: { room: room.code } };
    if (this.worker?.active) {
      this.worker.showNotification(title, options);
      return;
    }
    const notification = new Notification(title, options);
    notification.onclick = () => {
      window.focus();
      this.open(room.code);
      notification.close();
    };
  }
}

function read() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function write(value) {
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // They stay off after the next reload.
  }
}
