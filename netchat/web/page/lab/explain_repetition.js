// Repetition codes: the vote, or the sum of the soft values.

import { h } from "../dom.js";
import { brief } from "./svg.js";

const MOST = 40;

export function view(explain) {
  const shown = explain.groups.slice(0, MOST);
  return [h("h3", {}, "The vote"), h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, ...["Copies received", "Vote", "Decided"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, ...shown.map(({ values, votes, decided, ratios, sum }) => h("tr", {},
      h("td", {}, h("span", { class: "cells" }, ...values.map((value, i) => h("span", { class: value === null ? "erased" : "" },
        value === null ? "?" : value, ratios && h("small", {}, brief(ratios[i], 1)))))),
      h("td", {}, sum === undefined ? `${votes[0]} for 0, ${votes[1]} for 1` : `the ratios add up to ${brief(sum, 2)}`),
      h("td", {}, h("b", {}, decided === null || decided === undefined ? "tie" : String(decided))))))),
  ...(explain.groups.length > MOST ? [h("p", {}, `and ${explain.groups.length - MOST} more`)] : [])];
}
