// The form above the line: text, code, interleaver, channel and its noise.

import { $, h, icon } from "../dom.js";
import { showText } from "../text.js";
import { noiseOf, noiseText, slider, withNoise } from "./state.js";

const FAMILIES = {
  repetition: "Repetition", hamming: "Hamming", secded: "SECDED", golay: "Golay", bch: "BCH", rm: "Reed-Muller", reed_muller: "Reed-Muller",
  reed_solomon: "Reed-Solomon", rs: "Reed-Solomon", convolutional: "Convolutional", conv: "Convolutional", ldpc: "LDPC", polar: "Polar",
  turbo: "Turbo", crc: "CRC", none: "No code", "own codes": "Codes of this server",
};
const set = (key) => $(`set-${key}`); // the field that sets a key of the state
const OTHER = "\u0000other"; // no specification

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const fullName = (name) => FAMILIES[name] ?? capital(name);

/** Disable a button, or enable it. Its focus goes to a neighbour: a disabled one loses the keys. */
export function disable(button, isOff, neighbour) {
  const hadFocus = document.activeElement === button;
  button.disabled = isOff;
  if (isOff && hadFocus && !neighbour.disabled) neighbour.focus();
}

/** Build the options of a list of codes or channels, in groups if they have families. */
function options(list, current) {
  const groups = new Map();
  for (const one of list) {
    const family = one.family ? fullName(one.family) : "";
    const title = one.title && one.spec && one.title !== one.spec ? `${one.title} · ${one.spec}` : one.title || one.spec || "none";
    groups.set(family, [...(groups.get(family) ?? []), h("option", { value: one.spec }, showText(title))]);
  }
  const found = [...groups].flatMap(([family, items]) => (family ? [h("optgroup", { label: showText(family) }, ...items)] : items));
  if (!list.some(({ spec }) => spec === current)) found.unshift(h("option", { value: current }, showText(current)));
  return found;
}

/** Show what is selected as a text that wraps: a select cuts long names. */
function showPicked(key, title, spec = "") {
  const parts = spec.split(/(?<=[,=:+])/).flatMap((part) => [h("wbr"), showText(part)]);
  const name = title || spec || "none";
  set(key).previousElementSibling.replaceChildren(showText(name), ...(spec && spec !== name ? [h("small", {}, ...parts)] : []));
}

/** Find the channel of the list that a spec is a variant of: the same name and options. */
export function channelOf(list, spec) {
  const shape = (written) => written.replace(/^([^:]*):[-+.\deE]+/, "$1:");
  return list.find((one) => shape(one.spec) === shape(spec)) ?? list.find((one) => one.spec.split(":")[0] === spec.split(":")[0]);
}

export class Controls {
  /** @param change called with the changed keys of the state, and whether the user is still moving the slider */
  constructor(change) {
    this.change = change;
    this.codes = { codes: [], channels: [], interleavers: [] };
    set("text").addEventListener("input", () => change({ text: set("text").value, block: 0, at: 0 }));
    set("carry").addEventListener("change", () => change({ carry: set("carry").value, block: 0, at: 0 }));
    for (const key of ["code", "interleave", "channel"]) set(key).addEventListener("change", () => this.picked(key));
    $("noise").addEventListener("input", () => this.moved(true));
    $("noise").addEventListener("change", () => this.moved(false));
    $("controls").addEventListener("submit", (event) => {
      event.preventDefault();
      const spec = $("other").value.trim();
      if (!$("other-field").hidden && this.asked && (spec || this.asked === "interleave")) this.apply(this.asked, spec);
    });
  }

  /** Take the engine's lists of codes and channels. */
  fill(lists, state) {
    this.codes = lists;
    this.show(state, true);
  }

  get interleavers() {
    const list = this.codes.interleavers.map((one) => (typeof one === "string" ? { spec: one, title: "" } : one));
    return list.some(({ spec }) => spec === "") ? list : [{ spec: "", title: "none" }, ...list];
  }

  /** Show a state in the form. */
  show(state, isNew = false) {
    this.state = state;
    for (const id of ["text", "carry"]) if (set(id).value !== state[id]) set(id).value = state[id];
    showPicked("carry", set("carry").selectedOptions[0]?.text);
    const lists = { code: this.codes.codes, interleave: this.interleavers, channel: this.codes.channels };
    for (const [id, list] of Object.entries(lists)) {
      const value = id === "channel" ? this.channel?.spec ?? state.channel : state[id];
      if (isNew || set(id).value !== value || !set(id).options.length) {
        set(id).replaceChildren(...options(list, value), h("option", { value: OTHER }, "another one …"));
        set(id).value = value;
      }
      showPicked(id, list.find(({ spec }) => spec === value)?.title, state[id]);
    }
    const value = noiseOf(state.channel), { channel } = this;
    const hasSlider = value !== null && channel !== undefined && channel.max > channel.min;
    $("noise").disabled = !hasSlider;
    $("noise-name").textContent = hasSlider ? capital(channel.parameter || "noise") : "Noise";
    $("noise-value").textContent = hasSlider ? noiseText(channel, value) : "fixed";
    if (hasSlider && document.activeElement !== $("noise")) $("noise").value = slider.from(channel, value);
    $("noise").setAttribute("aria-valuetext", $("noise-value").textContent);
  }

  get channel() { return channelOf(this.codes.channels, this.state.channel); }

  picked(key) {
    const value = set(key).value;
    if (value !== OTHER) return this.apply(key, value);
    this.asked = key;
    showPicked(key, set(key).selectedOptions[0].text);
    $("other-field").hidden = false;
    $("other-label").textContent = { code: "Specification of the code, such as bch:31,16", interleave: "Specification of the interleaver",
      channel: "Specification of the channel, such as bsc:0.1" }[key];
    $("other").value = this.state[key];
    $("other").focus();
    return $("other").select();
  }

  apply(key, value) {
    $("other-field").hidden = true;
    this.asked = null;
    this.change({ [key]: value, at: 0, ...(key === "code" ? { block: 0 } : {}) });
    this.show(this.state, true);
  }

  moved(isMoving) {
    const { channel } = this;
    if (!channel) return;
    const value = slider.to(channel, Number($("noise").value));
    this.change({ channel: withNoise(this.state.channel, value) }, isMoving);
  }

  /** Say what became of the touched bits after a change, with a button that removes them. */
  kept(note, remove) {
    if (($("kept").firstChild?.textContent ?? "") === note) return;
    $("kept").replaceChildren(...(note ? [h("span", {}, note), h("button", { type: "button", onclick: () => {
      set("code").focus(); // the button disappears
      remove();
    } }, icon("undo"), h("span", {}, "Remove them"))] : []));
  }

  /** Show why the engine refuses the state, at the field in question. */
  problem({ error = "", field = null } = {}) {
    $("problem").textContent = showText(error);
    for (const id of ["text", "code", "interleave", "channel"]) {
      if (error && id === field) set(id).setAttribute("aria-invalid", "true");
      else set(id).removeAttribute("aria-invalid");
    }
  }
}
