// The counter without a mouse: numbers tick bills, letters choose, Enter books, Esc starts over.
// Every page works without it, by Tab and Enter. Keys are read by place, so that a Chinese input
// method does not swallow them.
"use strict";

function fenOf(text) {
  const plain = text.replace(/[,，¥\s]/g, "").replace("。", ".");
  if (!/^\d{1,9}(\.\d{1,2})?$/.test(plain)) return null;
  const [whole, part = ""] = plain.split(".");
  return Number(whole) * 100 + Number(part.padEnd(2, "0"));
}

function yuanOf(fen) {
  const text = String(Math.abs(fen)).padStart(3, "0");
  return text.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",") + "." + text.slice(-2);
}

function isWords(target) {
  return target instanceof HTMLInputElement && ["text", "search", "date"].includes(target.type)
    && target.inputMode !== "decimal";
}

function once(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => delete form.dataset.sent);
}

function followTake(form) {
  const ticks = Array.from(form.querySelectorAll("[data-fen]"));
  const amount = form.querySelector("[data-amount]");
  const dropped = form.querySelector("[data-dropped] input");
  const given = form.querySelector("[data-given] input");
  const total = form.querySelector("[data-total-fen]");
  const rest = form.querySelector("[data-rest]");
  const limit = Number(form.dataset.limitFen);
  let typed = false;

  const chosen = () => ticks.reduce((sum, tick) => sum + (tick.checked ? Number(tick.dataset.fen) : 0), 0);
  const say = () => {
    const fen = chosen();
    total.textContent = "¥" + yuanOf(fen);
    const taken = fenOf(amount.value), off = fenOf(dropped.value || "0"), cash = fenOf(given.value || "0");
    const words = [];
    if (taken === null || off === null) words.push("金额没看懂");
    else if (taken + off > fen) words.push("多 ¥" + yuanOf(taken + off - fen));
    else if (taken + off < fen) words.push("少 ¥" + yuanOf(fen - taken - off));
    if (cash && taken !== null) words.push(cash < taken ? "还差 ¥" + yuanOf(taken - cash) : "找零 ¥" + yuanOf(cash - taken));
    rest.textContent = words.join("，");
  };
  const follow = () => {
    if (!typed) {
      const off = fenOf(dropped.value || "0") || 0;
      amount.value = yuanOf(Math.max(chosen() - off, 0));
    }
    say();
  };
  ticks.forEach((tick) => tick.addEventListener("change", follow));
  amount.addEventListener("input", () => { typed = true; say(); });
  [dropped, given].forEach((one) => one.addEventListener("input", one === dropped ? follow : say));
  const drop = () => {
    const off = Math.min(chosen() % 100, limit);
    dropped.value = off ? yuanOf(off) : "";
    typed = false;
    follow();
    amount.focus();
    amount.select();
  };
  form.dropOdd = drop;
  form.openGiven = () => given.focus();
  form.openSlip = () => form.querySelector("[data-slip] input").focus();
  form.addEventListener("change", (event) => {
    const needs = ["pos", "cheque"].includes(form.elements.method.value);
    if (event.target.name === "method") {
      form.querySelector("[data-slip] input").required = needs;
      if (needs) form.openSlip();
    }
  });
  say();
  amount.focus();
  amount.select();
  once(form);
}

function stepThrough(stops, current, by) {
  const at = stops.indexOf(current);
  const next = stops[at < 0 ? (by > 0 ? 0 : stops.length - 1) : Math.max(0, Math.min(stops.length - 1, at + by))];
  if (next) next.focus();
}

function onKey(event) {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  const form = document.querySelector("[data-take]");
  const target = event.target;
  if (event.code === "Escape") {
    event.preventDefault();
    location.assign(document.querySelector("[data-home]").href);
    return;
  }
  if (event.code === "ArrowDown" || event.code === "ArrowUp") {
    const stops = Array.from(document.querySelectorAll("#q, [data-pick], [data-fen], [data-amount]"));
    if (stops.length > 1 && !(target instanceof HTMLInputElement && ["date", "radio"].includes(target.type))) {
      event.preventDefault();
      stepThrough(stops, target, event.code === "ArrowDown" ? 1 : -1);
    }
    return;
  }
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
  const inField = target instanceof HTMLInputElement && !["checkbox", "radio"].includes(target.type);
  if (digit && !event.shiftKey && !inField) {
    const tick = document.querySelectorAll("[data-fen]")[Number(digit[1]) - 1];
    const pick = document.querySelector(`[data-pick="${digit[1]}"]`);
    if (tick) { event.preventDefault(); tick.click(); tick.focus(); }
    else if (pick) { event.preventDefault(); pick.click(); }
    return;
  }
  if (isWords(target) || !/^Key[A-Z]$/.test(event.code)) return;
  const ways = { KeyL: form && form.dropOdd, KeyG: form && form.openGiven, KeyR: form && form.openSlip };
  const found = document.querySelector(`[data-key="${event.code}"]`);
  const focused = document.querySelector(`[data-key-focus="${event.code}"]`);
  if (ways[event.code]) { event.preventDefault(); ways[event.code](); }
  else if (found) { event.preventDefault(); found.click(); }
  else if (focused) { event.preventDefault(); focused.focus(); }
}

function followClose(form) {
  const field = form.elements.handed_in;
  const rest = form.querySelector("[data-rest]");
  const plain = rest.textContent;
  field.addEventListener("input", () => {
    const fen = fenOf(field.value);
    const over = fen === null ? 0 : fen - Number(form.dataset.dueFen);
    rest.textContent = fen === null ? plain : over === 0 ? "没有差额。" : (over > 0 ? "多 ¥" : "少 ¥") + yuanOf(over) + "，会报给经理。";
  });
  once(form);
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("[data-take]");
  if (form) followTake(form);
  document.querySelectorAll("[data-close]").forEach(followClose);
  document.querySelectorAll("[data-print]").forEach((one) => one.addEventListener("click", () => window.print()));
  const field = document.querySelector("#q");
  if (field) field.select();
  document.addEventListener("keydown", onKey);
});
