"use strict";
// What the page can do beyond being read. All numbers come from the text in #data, see packed.py.
const byId = (id) => document.getElementById(id);
const picture = (name) => document.querySelector(`[data-picture="${name}"]`);
const percent = (share) => `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
const made = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const copied = (source, className) => made("img", { src: source.src, alt: source.alt, className });

function clock(hundredths) {
  if (hundredths === null) return "time unknown";
  const two = (number) => String(number).padStart(2, "0");
  const seconds = Math.floor(hundredths / 100);
  const minutes = Math.floor(seconds / 60);
  const start = minutes < 60 ? minutes : `${Math.floor(minutes / 60)}:${two(minutes % 60)}`;
  return `${start}:${two(seconds % 60)}.${two(hundredths % 100)}`;
}

// The two pictures that are compared, and the layers over them.
function compare() {
  const slider = made("img-comparison-slider", { value: 50 });
  const halves = {};
  for (const [side, slot] of [["left", "first"], ["right", "second"]]) {
    const half = made("img", { className: "half checks" });
    half.slot = slot;
    halves[side] = half;
    slider.append(half);
    const choice = byId(side);
    const show = () => {
      half.src = picture(choice.value).src;
      half.alt = picture(choice.value).alt;
      tell();
    };
    choice.addEventListener("change", show);
    half.src = picture(choice.value).src;
    half.alt = picture(choice.value).alt;
  }
  const titles = () => ["left", "right"].map((side) => byId(side).selectedOptions[0].text);
  function tell() {
    const [left, right] = titles();
    const value = Math.round(slider.value);
    slider.setAttribute("aria-valuenow", value);
    slider.setAttribute("aria-valuetext", `${value} % ${left}, ${100 - value} % ${right}`);
  }
  const facts = {
    role: "slider", tabindex: 0, "aria-label": "Border between the two pictures", "aria-valuemin": 0,
    "aria-valuemax": 100, "aria-orientation": "horizontal", "aria-describedby": "slider-help", keyboard: "disabled",
  };
  for (const [name, value] of Object.entries(facts)) slider.setAttribute(name, value);
  slider.addEventListener("slide", tell);
  // its own keys move it as long as they are held: not at all where a tap is short
  slider.addEventListener("keydown", (event) => {
    const steps = { Home: -100, End: 100, PageUp: 10, PageDown: -10, ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    const target = slider.value + (event.shiftKey ? 10 : 1) * step;
    event.preventDefault();
    slider.value = Math.min(100, Math.max(0, target));
    tell();
  });
  byId("stage").append(slider);
  tell();
  for (const input of document.querySelectorAll("[data-layer]")) {
    const layer = copied(picture(input.dataset.layer), "layer");
    layer.alt = "";
    byId("stage").append(layer);
    const lay = () => {
      layer.style.opacity = input.value / 100;
      input.setAttribute("aria-valuetext", input.value === "0" ? "not shown" : `${input.value} % opaque`);
    };
    input.addEventListener("input", lay);
    lay();
  }
  document.querySelector(".compare").hidden = false;
  document.querySelector(".gallery").open = false;
}

// What #data holds.
async function unpacked() {
  const text = JSON.parse(byId("data").textContent);
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { ...header, places: places(header, bytes.subarray(4 + length)) };
}

function places(header, bytes) {
  let at = 0;
  const columns = (count, rows) =>
    Array.from({ length: count }, () => bytes.subarray(at, (at += rows)));
  const wide = (count, rows) => {
    const [low, high] = [columns(count, rows), columns(count, rows)];
    return low.map((column, i) => Array.from(column, (byte, n) => byte + 256 * high[i][n]));
  };
  const sums = (column) => {
    let sum = 0;
    return Uint8Array.from(column, (step) => (sum += step));
  };
  const added = (column, base) => column.map((difference, n) => base[n] + difference);
  const color = (planes, n) => planes.map((plane) => plane[n]);

  const N = header.places;
  if (!N) return [];
  const [x, y] = wide(2, N);
  const [column, row, counts, sure] = columns(4, N);
  const room = columns(3, N).map(sums);
  const voted = columns(3, N).map((plane, i) => added(plane, room[i]));
  const bins = wide(6, N);
  const total = counts.reduce((sum, count) => sum + (count & 127), 0);
  const [frame] = wide(1, total);
  const [matte] = columns(1, total);
  const seen = columns(3, total).map(sums);
  const unmixed = columns(3, total).map((plane, i) => added(plane, seen[i]));
  const used = (ordinal) => ({ frame: header.used[ordinal - 1], time: header.used_times[ordinal - 1] });
  let first = 0;
  return Array.from({ length: N }, (_, n) => {
    const samples = [];
    for (const end = first + (counts[n] & 127); first < end; first++) {
      samples.push({
        ...used(frame[first]), matte: matte[first] / 200,
        seen: color(seen, first), unmixed: color(unmixed, first),
      });
    }
    return {
      x: x[n], y: y[n], column: column[n], row: row[n], confidence: sure[n] / 200, unmasked: counts[n] > 127,
      room: color(room, n), voted: color(voted, n), samples,
      bins: bins.map((of) => of[n]).filter(Boolean).map(used),
    };
  });
}

// The chart's range input: a moment, its leak, and the nearest frame that has a picture.
function timeline(data) {
  const input = byId("moment");
  const pictured = new Map();
  for (const image of document.querySelectorAll("#timeline img[data-frame], #origin img[data-frame]"))
    pictured.set(Number(image.dataset.frame), image);
  const near = (frame) =>
    [...pictured.keys()].reduce((a, b) => (Math.abs(b - frame) < Math.abs(a - frame) ? b : a));
  function show() {
    const n = Number(input.value);
    const frame = data.frames[n];
    const most = data.chart.per_point > 1 ? ", which leaks most of those around it" : "";
    const text = `${clock(data.times[n])}, frame ${frame}${most}: ${percent(data.leaks[n] / 10000)} of its pixels leak`;
    byId("moment-text").textContent = text;
    input.setAttribute("aria-valuetext", text);
    const cursor = byId("cursor");
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, n + 0.5);
    cursor.setAttribute("visibility", "visible");
    if (!pictured.size) return;
    const shown = near(frame);
    byId("moment-picture").src = pictured.get(shown).src;
    byId("moment-picture").alt = `Frame ${shown}`;
    byId("moment-caption").textContent =
      shown === frame ? `Frame ${frame}` : `Frame ${shown}, the nearest one with a picture`;
  }
  input.addEventListener("input", show);
  const plot = document.querySelector(".plot");
  const point = (event) => {
    const box = plot.getBoundingClientRect();
    input.value = Math.floor(((event.clientX - box.left) / box.width) * data.frames.length);
    show();
  };
  plot.addEventListener("pointerdown", point);
  plot.addEventListener("pointermove", (event) => event.buttons && point(event));
  input.value = data.leaks.indexOf(Math.max(...data.leaks));
  show();
  document.querySelector(".moment").hidden = false;
}

// The map of places: each shows its samples, before and after un-mixing.
function origin(data) {
  const map = byId("map");
  if (!map) return;
  const [ofShown, ofOthers] = data.most_samples;
  if (ofOthers < 8)
    byId("samples-note").textContent =
      `This page has up to ${ofShown} samples of a place that is shown, and ${ofOthers} of any other; provenance.json has all.`;
  if (!data.places.length) return;
  const [columns, rows] = data.grid_wh;
  const found = new Map(data.places.map((place) => [place.row * columns + place.column, place]));
  const marker = map.querySelector(".marker");
  marker.style.width = `${100 / columns}%`;
  marker.style.height = `${100 / rows}%`;
  map.prepend(copied(picture("guess"), ""));
  map.firstChild.alt = "";
  const best = data.places.reduce((a, b) => (b.confidence > a.confidence ? b : a));
  let [column, row] = [best.column, best.row];

  const swatch = (color) => {
    const square = made("span", { className: "swatch" });
    square.style.backgroundColor = `rgb(${color})`;
    return made("span", {}, square, made("code", { textContent: color.join(" ") }));
  };
  const picturing = (frame) => {
    const image = document.querySelector(`img[data-frame="${frame}"]`);
    return image ? made("img", { src: image.src, alt: `Frame ${frame}`, className: "thumb" }) : "–";
  };
  const cell = (tag, ...children) => made(tag, {}, ...children);
  function table(place) {
    const heads = ["Frame", "Time", "Before un-mixing", "After", "Matte", "Picture"].map((name) => {
      const head = made("th", { textContent: name });
      head.scope = "col";
      return head;
    });
    const lines = place.samples.map((sample) =>
      cell("tr", cell("td", String(sample.frame)), cell("td", clock(sample.time)), cell("td", swatch(sample.seen)),
        cell("td", swatch(sample.unmixed)), cell("td", sample.matte.toFixed(2)), cell("td", picturing(sample.frame))));
    const ends = [["By vote", place.voted], ["Recovered", place.room]].map(([name, color]) => {
      const head = made("th", { textContent: name, colSpan: 3 });
      head.scope = "row";
      return cell("tr", head, cell("td", swatch(color)), made("td", { colSpan: 2 }));
    });
    byId("samples").replaceChildren(cell("thead", cell("tr", ...heads)), cell("tbody", ...lines, ...ends));
  }
  function text(place) {
    if (!place) return `Column ${column + 1}, row ${row + 1}: no frame let anything through here.`;
    const state = place.confidence >= 0.5 ? "claimed" : place.confidence >= 0.25 ? "shown" : "a guess";
    const start = `Pixel ${place.x}, ${place.y}: ${state}, confidence ${percent(place.confidence)}. `;
    if (place.unmasked) return `${start}It is taken from frames that show the room itself.`;
    const others = place.bins.length ? ` Restoration saw frames ${place.bins.map((b) => b.frame).join(", ")}.` : "";
    const count = place.samples.length;
    return `${start}${count} ${count === 1 ? "sample" : "samples"}, the strongest of frame ${place.samples[0].frame}.${others}`;
  }
  function show() {
    const place = found.get(row * columns + column);
    marker.style.left = `${(column * 100) / columns}%`;
    marker.style.top = `${(row * 100) / rows}%`;
    byId("place").textContent = text(place);
    byId("samples-region").hidden = !place || !place.samples.length;
    if (place) table(place);
  }
  map.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!steps || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const far = event.shiftKey ? 5 : 1;
    column = Math.min(columns - 1, Math.max(0, column + steps[0] * far));
    row = Math.min(rows - 1, Math.max(0, row + steps[1] * far));
    show();
  });
  map.addEventListener("click", (event) => {
    const box = map.getBoundingClientRect();
    column = Math.min(columns - 1, Math.floor(((event.clientX - box.left) / box.width) * columns));
    row = Math.min(rows - 1, Math.floor(((event.clientY - box.top) / box.height) * rows));
    show();
  });
  show();
  document.querySelector(".origin").hidden = false;
}

compare();
// on paper, what is folded would be missing
const folded = [];
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) {
    folded.push(part);
    part.open = true;
  }
});
addEventListener("afterprint", () => folded.splice(0).forEach((part) => (part.open = false)));
unpacked().then((data) => {
  if (data.frames.length) timeline(data);
  origin(data);
});
