// Repetition codes: the vote, or the sum of the soft values.

import { h } from "/page/dom.js";
import { brief } from "./svg.js";

const MOST = 40;

export function view(explain) {
  const shown = explain.groups.slice(0, MOST);
  return [h("h3", {}, "The vote"), h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, ...["Copies received", "Vote", "Decided"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, ...shown.map(({ values, votes, decided }) => h("tr", {},
      h("td", {}, h("span", { class: "cells" }, ...values.map((value) => h("span", { class: value === "?" || value === null ? "erased" : "" },
        typeof value === "number" ? brief(value, 2) : value ?? "?")))),
      h("td", {}, Array.isArray(votes) ? `${votes[0]} for 0, ${votes[1]} for 1` : `sum ${brief(votes, 2)}`),
      h("td", {}, h("b", {}, decided === null || decided === undefined ? "tie" : String(decided))))))),
  ...(explain.groups.length > MOST ? [h("p", {}, `and ${explain.groups.length - MOST} more`)] : [])];
}
