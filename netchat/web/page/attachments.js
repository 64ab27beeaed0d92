// Files that the user sends: chosen, dropped on the room, or pasted into the message field.

import { $, h } from "./dom.js";
import { setTransfers, showEnd, showFailure, showProgress, showUpload } from "./file_card.js";
import { Transfers } from "./transfers.js";

export class Attachments {
  /**
   * @param chat the model
   * @param tab id of this tab's stored state
   */
  constructor(chat, tab) {
    this.chat = chat;
    this.transfers = new Transfers(chat.core, tab);
    chat.addEventListener("online", () => this.transfers.resume(), { once: true });
    this.list = $("uploads");
    setTransfers(this.transfers);
    this.transfers.flush = () => chat.flush();
    this.transfers.report = (event) => chat.take([event]);
    chat.on("fileProgress", (progress) => {
      if (progress.isUpload && !this.shown?.has(progress.transfer)) this.add(progress);
      showProgress(progress);
    });
    chat.on("fileEnded", (ended) => {
      this.transfers.ended(ended.transfer);
      this.shown?.delete(ended.transfer);
      if (!showEnd(ended) && ended.isUpload && ended.why) showFailure(this.list, ended.name, ended.why);
    });
    this.wire();
  }

  add({ transfer, name }) {
    (this.shown ??= new Set()).add(transfer);
    showUpload(this.list, transfer, name);
  }

  wire() {
    const chooser = $("files"), room = $("room");
    $("attach").addEventListener("click", () => chooser.click());
    chooser.addEventListener("change", () => {
      this.send(chooser.files);
      chooser.value = "";
    });
    $("text").addEventListener("paste", (event) => {
      const { files } = event.clipboardData;
      // A copied text may come with a picture of itself.
      if (!files.length || event.clipboardData.types.includes("text/plain")) return;
      event.preventDefault();
      this.send(files);
    });
    const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
    window.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault(); // otherwise the browser would open the file in place of the page
      room.classList.toggle("drop", !room.hidden);
    });
    window.addEventListener("dragleave", (event) => event.relatedTarget || room.classList.remove("drop"));
    window.addEventListener("drop", (event) => {
      room.classList.remove("drop");
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (!room.hidden) this.send(event.dataTransfer.files);
    });
  }

  /** Send files to the current room, one after the other. */
  async send(files) {
    const room = this.chat.current;
    for (const file of [...files]) {
      const waiting = h("li", {}, `${file.name}: preparing…`);
      this.list.append(waiting);
      const code = room.draft ? "" : room.code;
      if (code) await this.transfers.send(code, file, file.name || "pasted.png");
      else showFailure(this.list, file.name, "write a message first: the conversation does not exist yet");
      waiting.remove();
    }
  }
}
