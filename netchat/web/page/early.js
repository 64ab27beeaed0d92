// Shows the first screen to new visitors while the page's modules load, and keeps what they do on it until then.
// It is no module, so that it runs as soon as the document is parsed.

try {
  if (!Object.keys(localStorage).some((key) => key.startsWith("netchat:tab:"))) document.getElementById("home").hidden = false;
} catch {
  // The browser stores nothing; app.js shows the screen.
}

{
  const root = document.documentElement;
  let repeat = null; // the last thing that the user did

  // Without this, a form would reload the page, and lose the name in it.
  const hold = (event) => {
    const target = event.target.closest("form, button");
    const submits = target?.tagName === "BUTTON" && target.type === "submit" && target.form;
    if (!target || (event.type === "click" && (target.tagName === "FORM" || submits))) return; // "submit" follows, if anything
    event.preventDefault();
    event.stopImmediatePropagation();
    repeat = event.type === "submit" ? () => target.requestSubmit(event.submitter) : () => target.click();
  };
  for (const type of ["submit", "click"]) document.addEventListener(type, hold, true);
  new MutationObserver((_, observer) => {
    if (!("ready" in root.dataset)) return;
    observer.disconnect();
    for (const type of ["submit", "click"]) document.removeEventListener(type, hold, true);
    repeat?.();
  }).observe(root, { attributes: true, attributeFilter: ["data-ready"] });
}
