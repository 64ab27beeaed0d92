// The service worker: makes the page installable, and shows its notifications. It caches nothing, so that a
// browser never runs an old page with a new server.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

/** Bring the page to the front, and let it open the room. */
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data?.room ?? ""));
});

async function show(room) {
  const [page] = await self.clients.matchAll({ type: "window" });
  if (!page) return self.clients.openWindow("/");
  page.postMessage({ open: room });
  return page.focus();
}
