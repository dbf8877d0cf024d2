// The point on the picture: a tap chooses it, arrow keys move it, and the fields beside say where it is. The form is sent
// by its button, so that a finger that missed can be put right. Without this script a tap sends the form at once.
const form = document.getElementById("pinning");
const picture = form && form.querySelector("input[type=image]");
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LARGE = 20;

function begin() {
  const [x, y] = [form.elements.x, form.elements.y];
  const [width, height] = [+x.max, +y.max];
  const mark = document.createElement("span");
  mark.className = "map-aim";
  mark.hidden = true;
  picture.after(mark);
  picture.tabIndex = 0;

  function show() {
    mark.hidden = x.value === "" || y.value === "";
    mark.style.left = `${(x.value / width) * picture.offsetWidth + picture.offsetLeft}px`;
    mark.style.top = `${(y.value / height) * picture.offsetHeight + picture.offsetTop}px`;
  }

  function aim(across, down) {
    x.value = Math.round(Math.min(Math.max(across, 0), width));
    y.value = Math.round(Math.min(Math.max(down, 0), height));
    show();
    if (!mark.hidden) mark.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  picture.addEventListener("click", (event) => {
    event.preventDefault();
    if (event.detail === 0) return; // a key, which aims at nothing
    const seen = picture.getBoundingClientRect();
    const across = (event.clientX - seen.left) / seen.width;
    aim(across * width, ((event.clientY - seen.top) / seen.height) * height);
    picture.focus({ preventScroll: true });
  });
  picture.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const far = event.shiftKey ? LARGE : 1;
    const from = x.value === "" || y.value === "" ? [width / 2, height / 2] : [+x.value, +y.value];
    aim(from[0] + far * step[0], from[1] + far * step[1]);
  });
  x.addEventListener("input", show);
  y.addEventListener("input", show);
  window.addEventListener("resize", show);
}

if (picture) begin();
