// Creates the parts of the lab and keeps the URL, the engine and the screens at the same state.

import { $ } from "../dom.js";
import { showText } from "../text.js";
import { Controls } from "./controls.js";
import { Engine } from "./engine.js";
import { LineView } from "./line_view.js";
import { engineState, keptNote, readState, toggled, VIEWS, writeState } from "./state.js";

class Lab {
  constructor() {
    this.state = readState(location.hash);
    this.line = null;
    this.controls = new Controls((changed, isMoving) => this.change(changed, isMoving));
    this.lineView = new LineView({
      touch: (positions, what) => this.change({ touched: toggled(this.state.touched, positions, what) }),
      explain: (block) => this.change({ block, view: "decoder", at: 0 }),
    });
    this.engine = new Engine((isOn) => this.connected(isOn));
    this.engine.noticed = (notice) => this.noticed(notice);
    this.engine.ask("codes").then((lists) => this.controls.fill(lists, this.state));
    this.controls.show(this.state, true);
    $("rerun").addEventListener("click", () => this.change({ seed: (this.state.seed % 999_999) + 1 }));
    $("untouch").addEventListener("click", () => this.change({ touched: {} }));
    this.listenToTabs();
    $("share-open").addEventListener("click", async () => (await import("./share.js")).share(this.state, this.line));
    for (const button of document.querySelectorAll("dialog .cancel")) {
      button.addEventListener("click", () => button.closest("dialog").close());
    }
    addEventListener("hashchange", () => {
      this.state = readState(location.hash);
      this.controls.show(this.state, true);
      this.showView();
      this.ask();
    });
    this.showView();
    this.ask();
    document.documentElement.dataset.ready = "";
  }

  noticed(notice) {
    $("connection").textContent = notice && `Preparing this code: ${showText(notice)}`;
  }

  connected(isOn) {
    $("connection").textContent = isOn ? "" : "Disconnected. Reconnecting…";
    $("connection").classList.toggle("on", isOn);
  }

  /** Change the state: the URL and the controls at once, the screens when the engine answers. */
  change(changed, isMoving = false) {
    const before = this.state;
    this.state = { ...before, ...changed };
    clearTimeout(this.writing); // browsers limit how often a page may set its URL
    if (isMoving) this.writing = setTimeout(() => this.write(false), 250);
    else this.write(changed.view !== undefined && changed.view !== before.view);
    this.controls.show(this.state);
    if (changed.view !== undefined) this.showView();
    const isOtherLine = ["text", "carry", "code"].some((key) => changed[key] !== undefined);
    if (changed.at === undefined || isOtherLine) this.isNews = isOtherLine;
    const isPages = Object.keys(changed).every((key) => ["view", "with", "sweep", "errors", "at"].includes(key));
    if (!isPages || changed.view !== undefined) this.ask();
  }

  write(isStep) {
    const path = `#${writeState(this.state)}`;
    if (isStep) history.pushState(null, "", path);
    else history.replaceState(null, "", path);
  }

  /** Ask the engine for the line, and for the explanation if it is shown. */
  ask() {
    const { state } = this;
    if (state.view === "thousand") return;
    this.engine.latest("line", { state: engineState(state) }, (answer) => {
      this.controls.problem(answer);
      if (answer.superseded) return;
      document.documentElement.dataset.drawn = String(Number(document.documentElement.dataset.drawn ?? 0) + 1);
      if (answer.error) return;
      this.line = answer.line;
      this.shownState = state;
      this.controls.kept(keptNote(state.touched, this.line.coded.length, this.isNews), () => this.change({ touched: {} }));
      this.showLine(state);
      if (state.view === "decoder") this.explain(state);
    });
  }

  showLine(state) {
    if (this.state.view === "line") this.lineView.show(this.line, state);
    else this.isStale = true;
  }

  async explain(state) {
    const block = Math.min(state.block, this.line.blocks.length - 1);
    this.engine.latest("explain", { state: { ...engineState(state), block }, block }, async (answer) => {
      this.decoder ??= import("./decoder.js").then(({ DecoderView }) => new DecoderView({
        touch: (positions, what) => this.change({ touched: toggled(this.state.touched, positions, what) }),
        change: (changed) => this.change(changed),
      }));
      (await this.decoder).show(this.line, answer, this.state, block);
    });
  }

  // -- screens ---------------------------------------------------------------------------------

  listenToTabs() {
    for (const view of VIEWS) $(`tab-${view}`).addEventListener("click", () => this.change({ view }));
    $("tabs").addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const view = VIEWS[(VIEWS.indexOf(this.state.view) + by + VIEWS.length) % VIEWS.length];
      this.change({ view });
      $(`tab-${view}`).focus();
    });
  }

  async showView() {
    const { view } = this.state;
    for (const each of VIEWS) {
      $(`view-${each}`).hidden = each !== view;
      $(`tab-${each}`).setAttribute("aria-selected", String(each === view));
      $(`tab-${each}`).tabIndex = each === view ? 0 : -1;
    }
    $("controls").hidden = view === "thousand";
    document.body.dataset.view = view;
    if (view === "line" && this.isStale && this.line) {
      this.isStale = false;
      this.lineView.show(this.line, this.shownState);
    }
    if (view !== "thousand") return;
    this.thousand ??= import("./thousand.js").then(({ Thousand }) =>
      new Thousand($("view-thousand"), this.engine, (changed) => this.change(changed), () => this.controls.codes));
    (await this.thousand).show(this.state);
  }
}

new Lab();
