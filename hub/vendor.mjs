// Copies the built scripts of the page's dependencies into static/vendor/, which git ignores.
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "static", "vendor");
const files = {
  "htmx.org/dist/htmx.min.js": "htmx.min.js",
  "htmx-ext-sse/dist/sse.min.js": "sse.min.js",
  "leaflet/LICENSE": "leaflet.LICENSE.txt",
  "leaflet/dist/leaflet.css": "leaflet.css",
  "leaflet/dist/leaflet.js": "leaflet.js",
  "pmtiles/dist/pmtiles.js": "pmtiles.js",
  "protomaps-leaflet/LICENSE": "protomaps-leaflet.LICENSE.txt",
  "protomaps-leaflet/dist/protomaps-leaflet.js": "protomaps-leaflet.js",
};

mkdirSync(target, { recursive: true });
for (const [from, to] of Object.entries(files)) {
  copyFileSync(join(here, "node_modules", from), join(target, to));
}
