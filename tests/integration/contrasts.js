// For each element with text of its own, how far that stands out: the formula of WCAG 2.2.
() => {
  const channel = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = ([red, green, blue]) =>
    0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  // Painted over each other and read back: whatever way a colour is written in, with its alpha.
  const painted = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const found = [];
  for (const node of document.querySelectorAll("body *:not(svg, svg *, script)")) {
    const own = [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE);
    const text = own.map((child) => child.data).join("").trim();
    if (!text || !node.checkVisibility() || node.closest(".unseen, .skip")) continue;
    const behind = [];
    for (let at = node; at; at = at.parentElement) {
      behind.unshift(getComputedStyle(at).backgroundColor);
    }
    const under = ["Canvas", ...behind];
    const front = luminance(painted([...under, getComputedStyle(node).color]));
    const back = luminance(painted(under));
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    found.push({ text, ratio });
  }
  return found;
}
