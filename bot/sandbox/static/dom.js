// Small things to build pages with: elements, icons, faces, times of day.

const STATIC = "/_sandbox/static/";
const TINTS = ["#5b8def", "#3fa37c", "#e08b4f", "#9b7bd4", "#d9708a", "#4aa3b8", "#b58a3c", "#6c8f4e", "#7d86c9", "#c0705c"];

export const $ = (id) => document.getElementById(id);

export function h(tag, traits = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(traits)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${STATIC}icons.svg#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export function face(name, seed = name) {
  let sum = 7;
  for (const letter of String(seed)) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  const tint = TINTS[sum % TINTS.length];
  const node = h("span", { class: "avatar", "aria-hidden": "true" }, [...String(name || "·")].at(-1));
  node.style.background = `linear-gradient(160deg, color-mix(in srgb, ${tint} 82%, white), ${tint})`;
  return node;
}

export function accountFace() {
  return h("span", { class: "avatar", "aria-hidden": "true" }, h("img", { src: `${STATIC}logo.svg`, alt: "" }));
}

export function groupFace() {
  const node = h("span", { class: "avatar", "aria-hidden": "true" }, icon("group"));
  node.style.background = "linear-gradient(160deg, #7f9ad6, #5672b5)";
  return node;
}

const PARTS = new Intl.DateTimeFormat("en-CA", {
  timeZone: "Asia/Shanghai", hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit",
});

/** An instant as Shanghai reads it: {day: "2026-11-23", time: "10:05", month, date, weekday}. */
export function shanghai(instant) {
  const parts = Object.fromEntries(PARTS.formatToParts(new Date(instant)).map((p) => [p.type, p.value]));
  const day = `${parts.year}-${parts.month}-${parts.day}`;
  const weekday = "日一二三四五六"[new Date(`${day}T00:00:00Z`).getUTCDay()];
  return { day, time: `${parts.hour}:${parts.minute}`, year: +parts.year, month: +parts.month, date: +parts.day, weekday };
}

/** How the chat app writes a moment, seen from now: "10:05", "昨天 10:05", "11月3日 10:05". */
export function stamp(at, now) {
  const then = shanghai(at);
  const today = shanghai(now);
  if (then.day === today.day) return then.time;
  const days = Math.round((Date.parse(today.day) - Date.parse(then.day)) / 86400000);
  if (days === 1) return `昨天 ${then.time}`;
  const year = then.year === today.year ? "" : `${then.year}年`;
  return `${year}${then.month}月${then.date}日 ${then.time}`;
}

export function yuan(fen) {
  const [whole, cents] = (Math.abs(fen) / 100).toFixed(2).split(".");
  return `${fen < 0 ? "-" : ""}¥${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents}`;
}

let toastTimer;
export function toast(text, ms = 2200) {
  const node = $("toast");
  node.textContent = text;
  node.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { node.hidden = true; }, ms);
}
