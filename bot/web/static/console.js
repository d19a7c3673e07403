// Keeps a list live, and one press one act. Without it every page still works.
"use strict";

for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

const live = document.querySelector("[data-live]");

async function look() {
  const answer = await fetch(live.dataset.stateUrl, { credentials: "same-origin" });
  if (answer.status === 401) { location.reload(); return; }
  if (!answer.ok) return;
  const { state } = await answer.json();
  if (state === live.dataset.live) return;
  const page = await (await fetch(location.href)).text();
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("[data-live]");
  if (!fresh) { location.assign(location.href); return; }
  const held = document.activeElement?.getAttribute("href");
  live.replaceChildren(...fresh.childNodes);
  live.dataset.live = fresh.dataset.live;
  const again = held && [...live.querySelectorAll("a")].find((one) => one.getAttribute("href") === held);
  if (again) again.focus();
}

if (live) {
  const every = Number(live.dataset.every);
  setInterval(() => { if (!document.hidden) look().catch(() => {}); }, every);
}

const counted = document.querySelector("form[data-counted]");
let asked = 0;

async function count() {
  const number = ++asked;
  const body = new URLSearchParams(new FormData(counted));
  body.set("act", "count");
  const answer = await fetch(counted.action, { method: "POST", body, credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-counts]");
  if (!fresh || number !== asked) return;
  const told = page.querySelector("[role=alert]");
  counted.querySelector("[data-counts]").replaceChildren(...(told ? [told] : fresh.childNodes));
}

counted?.addEventListener("change", (event) => {
  if (event.target.name !== "text") count().catch(() => {});
});
