"use strict";
const viewer = document.getElementById("viewer");
const cut = document.getElementById("cut");
const all = document.getElementById("all");
const boxes = Array.from(document.querySelectorAll("input[data-layer]"));
const codes = boxes.filter((box) => box.dataset.changed !== undefined);

function move() {
  viewer.style.setProperty("--cut", cut.value + "%");
  cut.setAttribute("aria-valuetext", `${cut.value} % before, ${100 - cut.value} % after`);
}

function drag(event) {
  const frame = viewer.getBoundingClientRect();
  cut.value = Math.round((100 * (event.clientX - frame.left)) / frame.width);
  move();
}

function show() {
  for (const box of boxes) document.getElementById("layer-" + box.dataset.layer).hidden = !box.checked;
  const shown = codes.filter((box) => box.checked).length;
  all.checked = codes.length > 0 && shown === codes.length;
  all.indeterminate = shown > 0 && shown < codes.length;
}

cut.addEventListener("input", move);
viewer.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  viewer.setPointerCapture(event.pointerId);
  drag(event);
});
viewer.addEventListener("pointermove", (event) => {
  if (viewer.hasPointerCapture(event.pointerId)) drag(event);
});
for (const box of boxes) box.addEventListener("change", show);
all.addEventListener("change", () => {
  for (const box of codes) box.checked = all.checked;
  show();
});
move();
show();
