// What the pages do better with a script: the total follows the ticks, the order's page follows
// the payment, and WeChat's own window opens. Every page works without it but for that window.
"use strict";

function yuan(fen) {
  const text = String(fen).padStart(3, "0");
  const whole = text.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",");
  return "¥" + whole + "." + text.slice(-2);
}

function followTicks(form) {
  const total = form.querySelector("[data-total-fen]");
  const pay = form.querySelector("[data-pay]");
  const isClosed = pay.disabled;
  const ticks = Array.from(form.querySelectorAll("[data-fen]"));
  const parts = Array.from(form.querySelectorAll("[data-part]"));
  const mixed = form.querySelector("[data-mixed]");
  const wanted = (tick) => {
    const part = parts.find((one) => one.dataset.part === tick.value.split("-")[0]);
    const typed = part ? part.value.trim().replace(/[¥,，]/g, "") : "";
    return /^\d+(\.\d{1,2})?$/.test(typed) ? Math.round(Number(typed) * 100) : Number(tick.dataset.fen);
  };
  const update = () => {
    const chosen = ticks.filter((tick) => tick.checked);
    const fen = chosen.reduce((sum, tick) => sum + wanted(tick), 0);
    const payees = new Set(chosen.map((tick) => tick.dataset.payee));
    if (mixed) mixed.classList.toggle("calm", payees.size < 2);
    total.dataset.totalFen = String(fen);
    total.textContent = yuan(fen);
    pay.disabled = isClosed || fen === 0 || payees.size > 1;
  };
  ticks.forEach((tick) => tick.addEventListener("change", update));
  parts.forEach((part) => part.addEventListener("input", update));
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    pay.textContent = "正在发起…";
  });
  // Coming back by the browser's own button, the page is ready to be pressed again.
  window.addEventListener("pageshow", () => {
    delete form.dataset.sent;
    pay.textContent = "立即缴费";
    update();
  });
}

function openBridge(fields) {
  const invoke = () => window.WeixinJSBridge.invoke("getBrandWCPayRequest", fields, () => {});
  if (window.WeixinJSBridge) invoke();
  else document.addEventListener("WeixinJSBridgeReady", invoke, { once: true });
}

function followOrder(section) {
  const started = Date.now();
  let failures = 0;
  const look = async () => {
    try {
      const answer = await fetch(section.dataset.stateUrl, { cache: "no-store", credentials: "same-origin" });
      const found = answer.status === 429 ? {} : await answer.json();
      failures = 0;
      if (found.state && found.state !== section.dataset.state && found.state !== "unknown") {
        location.reload();
        return;
      }
    } catch {
      failures += 1;
      if (failures % 3 === 0) { location.reload(); return; }
    }
    setTimeout(look, Date.now() - started < 300000 ? 2000 : 6000);
  };
  setTimeout(look, 1500);
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form.checkout");
  if (form) followTicks(form);
  const section = document.querySelector("[data-state-url]");
  if (section) followOrder(section);
  const bridged = document.querySelector("[data-bridge]");
  if (bridged) {
    const fields = JSON.parse(bridged.dataset.bridge);
    openBridge(fields);
    bridged.querySelector("[data-bridge-again]").addEventListener("click", () => openBridge(fields));
  }
  const posted = document.querySelector("form[data-post]");
  if (posted) posted.submit();
  const once = document.querySelector("form.once");
  if (once) once.addEventListener("submit", (event) => {
    if (once.dataset.sent) { event.preventDefault(); return; }
    once.dataset.sent = "1";
  });
  const copies = navigator.clipboard ? document.querySelectorAll("[data-copy]") : [];
  copies.forEach((copy) => {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(copy.dataset.copy);
      copy.textContent = copy.dataset.copied || "已复制";
    });
  });
  const back = document.querySelector("[data-back]");
  if (back && history.length > 1) {
    back.hidden = false;
    back.addEventListener("click", () => history.back());
  }
  const print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }
});
