// Colours in words, for those who do not see them.
(() => {
  const HUES = [[12, "red"], [42, "orange"], [68, "yellow"], [165, "green"], [196, "turquoise"], [252, "blue"], [290, "violet"], [345, "pink"], [361, "red"]];

  // As in "dark brown".
  const nameOf = (hex) => {
    const [r, g, b] = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16) / 255);
    const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
    const [light, chroma] = [(most + least) / 2, most - least];
    if (light > 0.96) return "white";
    if (light < 0.05) return "black";
    const tone = light < 0.22 ? "very dark " : light < 0.4 ? "dark " : light > 0.85 ? "very light " : light > 0.66 ? "light " : "";
    if (chroma < 0.06) return `${tone}grey`;
    const turn = most === r ? (g - b) / chroma : most === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    const hue = (60 * turn + 360) % 360;
    const name = HUES.find(([end]) => hue < end)[1];
    const dull = chroma / (1 - Math.abs(2 * light - 1)) < 0.3 ? "dull " : "";
    const brown = name === "orange" && (light < 0.45 || (dull && light < 0.75));
    return `${tone}${brown ? "" : dull}${brown ? "brown" : name}`;
  };

  window.colorWords = { nameOf };
})();
