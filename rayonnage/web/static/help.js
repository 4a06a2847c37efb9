// The address in the examples: only the browser knows under which name and path it reached the server.

const address = new URL(document.body.dataset.root, location.href).href;
for (const example of document.querySelectorAll("[data-address]")) {
  example.textContent = example.textContent.replaceAll("ADDRESS", address);
}
