// The server's dashboard: draws the samples that the server sends once per second.

import { Hosting } from "./server_hosting.js";
import { showText } from "./text.js";

const SAMPLES = 120; // two minutes
const LINES = 300; // shown in the log
const SVG = "http://www.w3.org/2000/svg";

const $ = (id) => document.getElementById(id);
const el = (tag, text = "", className = "") => {
  const made = document.createElement(tag);
  made.textContent = showText(text);
  if (className) made.className = className;
  return made;
};

const count = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
const exact = new Intl.NumberFormat("en", {maximumFractionDigits: 1});
const short = new Intl.NumberFormat("en", {notation: "compact", maximumSignificantDigits: 3});
const number = (n, small = count) => (n < 10000 ? small.format(n) : short.format(n));
const bytes = (n, small = count) => {
  const step = n < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(n) / 3));
  return `${number(n / 1000 ** step, small)} ${["B", "kB", "MB", "GB", "TB"][step]}`;
};
const duration = (s) => {
  const [d, h, m] = [s / 86400, (s / 3600) % 24, (s / 60) % 60].map(Math.floor);
  return d ? `${d} d ${h} h` : h ? `${h} h ${m} min` : m ? `${m} min` : `${Math.floor(s)} s`;
};

let samples = [];
let rates = []; // per second, one entry for each sample but the first
let events = new Map(); // room code -> event count in the previous update
let since = 0, version = "";

// ---- display

const tiles = {
  users: "users", connections: "connections", rooms: "rooms",
  messages: "messages/s", out: "sent/s", slow: "slow readers", troubles: "warnings",
  cpu: "processor", memory: "memory",
};
for (const name of Object.keys(tiles)) {
  const tile = el("div");
  tile.append(el("dt", tiles[name]), (tiles[name] = el("dd", "–")));
  $("tiles").append(tile);
}

function tile(name, text, bad = false) {
  tiles[name].textContent = text;
  tiles[name].parentNode.className = bad ? "bad" : "";
}

/** Labels of the time axis, by their age in seconds. */
const TICKS = [
  { age: 119, label: "2 min ago" }, { age: 90, label: "90 s" }, { age: 60, label: "1 min" },
  { age: 30, label: "30 s" }, { age: 0, label: "now" },
];

/** A chart of one or two rates over the last two minutes. */
class Chart {
  #paths = [];

  constructor(title, format, lines) {
    Object.assign(this, {title, format, lines});
    const card = el("section", "", "chart");
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", "0 0 119 100");
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("role", "img");
    this.#path("grid").setAttribute("d", `M0 0H119M0 50H119M0 100H119${TICKS.map(({ age }) => `M${119 - age} 0V100`).join("")}`);
    this.fill = this.#path("fill");
    for (const line of lines) this.#paths.push(this.#path(line.className));
    this.top = el("span");
    this.middle = el("span");
    this.now = el("p", "", "legend");
    const scale = el("div", "", "scale"), axis = el("div", "", "axis");
    for (const each of [scale, axis]) each.setAttribute("aria-hidden", "true");
    scale.append(this.top, this.middle, el("span", format(0)));
    axis.append(...TICKS.map(({ label }) => el("span", label)));
    const plot = el("div", "", "plot");
    plot.append(scale, this.svg, axis);
    card.append(el("h2", title), this.now, plot);
    $("charts").append(card);
    this.svg.addEventListener("pointermove", (event) => {
      const box = this.svg.getBoundingClientRect();
      this.draw(Math.round(((event.clientX - box.left) / box.width) * (SAMPLES - 1)));
    });
    this.svg.addEventListener("pointerleave", () => this.draw());
  }

  #path(className) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", className);
    this.svg.append(path);
    return path;
  }

  /** Draw the chart. The legend shows the sample in `column`, by default the newest. */
  draw(column = SAMPLES - 1) {
    const first = SAMPLES - rates.length; // the newest is at the right
    const most = Math.max(0, ...this.lines.flatMap(({name}) => rates.map((r) => r[name])));
    const top = most ? ceiling(most) : 1;
    this.lines.forEach(({name}, i) => {
      const points = rates.map((r, n) => `${first + n} ${(100 - (r[name] / top) * 100).toFixed(1)}`);
      const line = points.length ? `M${points.join("L")}` : "";
      this.#paths[i].setAttribute("d", line);
      if (i === 0) this.fill.setAttribute("d", line && `${line}V100H${first}Z`);
    });
    const at = rates[Math.max(0, column - first)];
    const age = SAMPLES - 1 - column;
    this.top.textContent = this.format(top);
    this.middle.textContent = this.format(top / 2, exact);
    this.now.textContent = age > 0 && at ? `${age} s ago: ` : "";
    for (const {name, label, className} of this.lines) {
      this.now.append(el("i", `${label} ${this.format(at?.[name] ?? 0)} `, className));
    }
    const last = rates.at(-1);
    const current = this.lines.map(({name, label}) => `${label} ${this.format(last?.[name] ?? 0)}`);
    this.svg.setAttribute("aria-label", `${this.title}: ${current.join(", ")}; maximum ${this.format(most)}`);
  }
}

/** Round up to the next of 1, 2, 5, 10, 20, 50, … */
function ceiling(n) {
  const step = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 5, 10].map((m) => m * step).find((m) => m >= n);
}

const charts = [
  new Chart("Messages per second", number, [{name: "messages", label: "now", className: "a"}]),
  new Chart("Bytes per second", bytes, [
    {name: "out", label: "sent", className: "a"},
    {name: "in", label: "received", className: "b"},
  ]),
];

function fillTable(body, rows) {
  if ($(body).matches(":active")) return; // replacing a pressed button would lose the click
  $(body).replaceChildren(
    ...rows.map((cells) => {
      const row = el("tr");
      row.append(...cells.map((cell) => {
        const made = el("td", typeof cell === "string" ? cell : "");
        if (typeof cell !== "string") made.append(cell);
        return made;
      }));
      return row;
    }),
  );
}

/** A button with three dots. */
function menu(label, action) {
  const button = el("button", "⋯", "menu");
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.addEventListener("click", action);
  return button;
}

function addToLog(lines) {
  const log = $("log"), box = $("log-box");
  const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
  for (const {time, event, text, trouble} of lines) {
    const line = el("li", "", trouble ? "bad" : "");
    const at = new Date(time * 1000);
    const clock = el("time", at.toLocaleTimeString("en-GB"));
    clock.dateTime = at.toISOString();
    const message = el("span", text);
    message.dir = "auto";
    line.append(clock, el("b", event), message);
    log.append(line);
  }
  while (log.childElementCount > LINES) log.firstElementChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function show(update) {
  if (update.version) {
    ({version, since} = update);
    samples = [];
    rates = [];
    events = new Map();
    $("log").replaceChildren();
  }
  for (const sample of update.samples) {
    const before = samples.at(-1);
    if (before) {
      const seconds = sample.time - before.time || 1;
      const rate = (name) => (sample[name] - before[name]) / seconds;
      rates.push({messages: rate("messages"), in: rate("in"), out: rate("out")});
    }
    samples.push(sample);
  }
  samples = samples.slice(-SAMPLES);
  rates = rates.slice(-SAMPLES);
  const now = samples.at(-1), rate = rates.at(-1) ?? {messages: 0, out: 0};
  $("about").textContent = `${version}, up ${duration(now.time - since)}`;
  for (const name of ["users", "connections", "rooms"]) tile(name, number(now[name]));
  tiles.users.previousSibling.textContent = now.away ? `users, ${number(now.away)} away` : "users";
  tile("messages", number(rate.messages));
  tile("out", bytes(rate.out));
  tile("slow", number(now.slow), now.slow > 0);
  tile("troubles", number(now.troubles), now.troubles > 0);
  tile("cpu", `${count.format(now.cpu)} %`, now.cpu > 90);
  tile("memory", bytes(now.memory));
  for (const chart of charts) chart.draw();
  fillTable("rooms", update.rooms.map((r) => [
    r.title ? `${r.title} (${r.code})` : r.code, number(r.members), number(r.events), number(r.events - (events.get(r.code) ?? r.events)),
    menu(`Manage ${r.code}`, () => hosting.showRoom(r)),
  ]));
  fillTable("users", update.users.map((u) => [
    `${u.name}${u.away ? " (away)" : ""}${["", ", moderator", ", owner"][u.role] ?? ""}`, u.rooms.join(", "),
    menu(`Moderate ${u.name}`, () => hosting.showUser(u)),
  ]));
  $("audit").replaceChildren(...update.audit.map(({time, text}) => {
    const line = el("li"), at = new Date(time * 1000);
    const clock = el("time", at.toLocaleTimeString("en-GB"));
    clock.dateTime = at.toISOString();
    line.append(clock, el("span", text));
    return line;
  }));
  $("no-audit").hidden = update.audit.length > 0;
  events = new Map(update.rooms.map((r) => [r.code, r.events]));
  fillTable("slow", update.slow.map((p) => [p.name, p.address, duration(p.seconds)]));
  $("none").hidden = update.slow.length > 0;
  $("cluster").hidden = update.servers.length === 0;
  fillTable("servers", update.servers.map((s) => [
    s.own ? `${s.address} (this server)` : s.address, number(s.users),
  ]));
  fillTable("people", update.people.map((p) => [p.name, p.server || "away"]));
  addToLog(update.log);
}

// ---- the feed

const hosting = new Hosting();
let wait = 500;

function state(text, on = false) {
  if ($("state").textContent !== text) $("state").textContent = text;
  $("state").classList.toggle("on", on);
}

function connect() {
  const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/server/feed`);
  let refused = "", opened = performance.now();
  hosting.send = (request) => socket.send(JSON.stringify(request));
  socket.addEventListener("open", () => socket.send(JSON.stringify({token: location.hash.slice(1)})));
  socket.addEventListener("message", ({data}) => {
    const update = JSON.parse(data);
    if ("answer" in update) {
      hosting.answered(update);
      return;
    }
    if ("refused" in update) {
      refused = update.refused;
      return;
    }
    if (performance.now() - opened >= 5000) wait = 500; // keep backing off if connections fail right away
    $("token-form").hidden = true;
    $("board").hidden = false;
    state("Live", true);
    show(update);
    document.documentElement.dataset.ready = "";
  });
  socket.addEventListener("close", () => {
    if (refused === "token") {
      state(location.hash ? "Wrong token." : "Token required.");
      $("board").hidden = true;
      $("token-form").hidden = false;
      $("token").focus();
      return;
    }
    state(refused === "busy" ? "Too many viewers. Retrying…" : "Disconnected. Reconnecting…");
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, 10000);
  });
}

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = $("token").value.trim().replace(/^.*#/, "");
  $("token").value = "";
  state("Connecting…");
  connect();
});

connect();
