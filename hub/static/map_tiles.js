// Draws the extract of a map that lies on the hub, and the nodes on it. They stand in the page's own list, which the
// stream keeps true; without this script, or without the file, the drawing stays.
const box = document.getElementById("map-tiles");
const legend = document.getElementById("map-legend");
const NEAR = 44; // pixels: marks that are closer than a finger are one
const WORST = [...legend.children].map((each) => each.dataset.state);

function points() {
  return [...document.querySelectorAll("#map-points li")].map((each) => ({
    at: L.latLng(+each.dataset.lat, +each.dataset.lon),
    state: each.dataset.state,
    path: each.dataset.path,
    title: each.textContent,
  }));
}

function element(name, text, more = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  return Object.assign(made, more);
}

const word = (state) => legend.querySelector(`[data-state="${state}"] span`).textContent;
const shape = (state) => legend.querySelector(`[data-state="${state}"] svg`).cloneNode(true);

function groups(map, all) {
  const found = [];
  for (const point of all) {
    const spot = map.project(point.at, map.getZoom());
    const near = found.find((each) => each.spot.distanceTo(spot) < NEAR);
    if (near) near.points.push(point);
    else found.push({ spot, at: point.at, points: [point] });
  }
  for (const each of found) {
    const states = each.points.map((point) => point.state);
    each.state = WORST.find((state) => states.includes(state));
    each.key = each.points.map((point) => point.path).join(" ");
    each.said = each.points.map((point) => `${point.title}: ${word(point.state)}`).join(", ");
    if (each.points.length > 1) each.said = `${each.points.length} ${box.dataset.many}: ${each.said}`;
  }
  return found;
}

function icon(group) {
  const html = document.createElement("div");
  html.append(shape(group.state));
  if (group.points.length > 1) html.append(element("span", group.points.length, { className: "count" }));
  return L.divIcon({ className: "map-mark", iconSize: [48, 48], html });
}

function told(group) {
  const made = document.createElement("div");
  for (const point of group.points.slice(0, 8)) {
    made.append(element("p", `${point.title}: ${word(point.state)}`));
    made.append(element("a", box.dataset.open, { href: point.path, className: "button" }));
  }
  return made;
}

class Marks {
  constructor(map) {
    this.map = map;
    this.shown = new Map();
    map.on("zoomend", () => this.draw());
  }

  draw() {
    const found = new Map(groups(this.map, points()).map((group) => [group.key, group]));
    for (const [key, { marker }] of this.shown) {
      if (!found.has(key)) {
        marker.remove();
        this.shown.delete(key);
      }
    }
    for (const group of found.values()) this.show(group);
  }

  show(group) {
    let known = this.shown.get(group.key);
    if (known && known.said === group.said) return;
    const held = known && known.marker.getElement() === document.activeElement;
    const marker = known ? known.marker.setIcon(icon(group)) : this.made(group);
    marker.setZIndexOffset(1000 * (WORST.length - WORST.indexOf(group.state)));
    known = { marker, said: group.said };
    this.shown.set(group.key, known);
    marker.setPopupContent(told(group));
    marker.getElement().setAttribute("aria-label", group.said);
    if (held) marker.getElement().focus();
  }

  made(group) {
    const marker = L.marker(group.at, { icon: icon(group) }).addTo(this.map);
    marker.bindPopup("", { closeButton: false, maxWidth: 260 });
    if (group.points.length > 1) {
      marker.on("click keypress", () => {
        if (this.map.getZoom() < this.map.getMaxZoom()) {
          this.map.fitBounds(L.latLngBounds(group.points.map((point) => point.at)), { padding: [60, 60], animate: false });
        }
      });
    }
    return marker;
  }
}

function ground(said) {
  const [south, west, north, east] = said.bounds.split(" ").map(Number);
  const bounds = [[south, west], [north, east]];
  const shared = { attribution: element("span", said.credit).innerHTML, bounds, noWrap: true };
  if (said.vector) {
    return protomapsL.leafletLayer({ ...shared, url: said.url, flavor: "light", lang: "vi", maxDataZoom: +said.most });
  }
  const zooms = { minNativeZoom: +said.least, maxNativeZoom: +said.most };
  return pmtiles.leafletRasterLayer(new pmtiles.PMTiles(said.url), { ...shared, ...zooms });
}

function begin() {
  const said = box.dataset;
  box.hidden = legend.hidden = false;
  document.getElementById("map").classList.add("has-tiles");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(box, {
    attributionControl: false,
    zoomControl: false,
    minZoom: Math.max(+said.least, 4),
    maxZoom: Math.min(+said.most + 4, 20),
    zoomAnimation: !still,
    fadeAnimation: !still,
    markerZoomAnimation: !still,
  });
  L.control.attribution({ prefix: false }).addTo(map);
  L.control.zoom({ zoomInTitle: said.closer, zoomOutTitle: said.farther }).addTo(map);
  const layer = ground(said);
  const here = points().map((point) => point.at);
  const bounds = here.length ? L.latLngBounds(here) : L.latLngBounds(layer.options.bounds);
  map.fitBounds(bounds, { padding: [40, 40], maxZoom: +said.most + 1, animate: false });
  layer.addTo(map);
  const marks = new Marks(map);
  marks.draw();
  new MutationObserver(() => marks.draw()).observe(document.getElementById("map"), { childList: true, subtree: false });
}

// A session that is over, or a file that went away: then the drawing is better than an empty map.
if (box && window.L) {
  const there = await fetch(box.dataset.url, { headers: { Range: "bytes=0-126" } }).catch(() => null);
  if (there && there.status === 206) begin();
}
