// The Back button. Each room, and each panel that covers a room on a narrow screen, is an entry in the
// browser's history.

export class Navigation {
  /** @param show called with {room: a code, or "" for the first screen; cover: a panel's id or ""}. */
  constructor(show) {
    this.isReplaying = false; // the browser has changed its entry, and the page follows
    addEventListener("popstate", ({ state }) => {
      this.isReplaying = true;
      show({ room: "", cover: "", ...state });
      this.isReplaying = false;
    });
  }

  get state() { return history.state ?? {}; }

  /**
   * Record that a room is shown, or the first screen if `code` is empty.
   * @param replace replace the current entry, whose view no longer exists.
   */
  visit(code, path, replace) {
    const { room, cover } = this.state;
    const state = { room: code, cover: "" };
    if (this.isReplaying || replace || cover || room === undefined || room === code) history.replaceState(state, "", path);
    else history.pushState(state, "", path);
  }

  /** Record that a panel covers the room. */
  cover(id) {
    if (this.isReplaying || this.state.cover === id) return;
    const state = { ...this.state, cover: id };
    if (this.state.cover) history.replaceState(state, "");
    else history.pushState(state, "");
  }

  /** Go back to the covered room. Returns whether there is one; the browser then calls `show`. */
  uncover() {
    if (this.isReplaying || !this.state.cover) return false;
    history.back();
    return true;
  }
}
