// Shows the first screen to new visitors while the page's modules load.
// It is no module, so that it runs as soon as the document is parsed.

try {
  if (!Object.keys(localStorage).some((key) => key.startsWith("netchat:tab:"))) document.getElementById("home").hidden = false;
} catch {
  // The browser stores nothing; app.js shows the screen.
}
