// How long a reviewer waits: entries of the browser's own timeline, which `bench/pages.py` reads.

/** From the key, at `start`, to the next product painted, photos included. */
export async function measurePainted(ready, start) {
  await ready;
  requestAnimationFrame(() => {
    const painted = new MessageChannel();
    // a message posted within a frame arrives after that frame was painted
    painted.port1.onmessage = () => {
      performance.measure("review.next", { start, end: performance.now() });
      painted.port1.close();
    };
    painted.port2.postMessage(null);
  });
}
