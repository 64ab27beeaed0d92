// The Back button. Each room is an entry in the browser's history, and so is what covers a room on a
// narrow screen; Back leads to the one before.

export class Navigation {
  /** @param show called with {room: code, or "" for the first screen, cover: a panel's id or ""}. */
  constructor(show) {
    this.going = false; // the browser is in an entry already, and the page follows
    addEventListener("popstate", ({ state }) => {
      this.going = true;
      show({ room: "", cover: "", ...state });
      this.going = false;
    });
  }

  get state() { return history.state ?? {}; }

  /**
   * A room is shown now, or the first screen if its code is empty.
   * @param stay the view before it cannot be shown any more, and this one takes its place.
   */
  at(code, path, stay) {
    const { room, cover } = this.state;
    const state = { room: code, cover: "" };
    if (this.going || stay || cover || room === undefined || room === code) history.replaceState(state, "", path);
    else history.pushState(state, "", path);
  }

  /** Something covers the room. */
  cover(id) {
    if (this.going || this.state.cover === id) return;
    const state = { ...this.state, cover: id };
    if (this.state.cover) history.replaceState(state, "");
    else history.pushState(state, "");
  }

  /** Go back to the room that is covered. Returns whether it is; `show` is called soon. */
  uncover() {
    if (this.going || !this.state.cover) return false;
    history.back();
    return true;
  }
}
