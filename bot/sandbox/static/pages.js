// Pages opened from a chat, and the scanner for payment codes on other screens.

import { phone } from "./api.js";
import { $, h, icon, stamp, toast, yuan } from "./dom.js";
import { openCashier } from "./till.js";
import { world } from "./world.js";

const screen = () => document.querySelector("[data-screen]");

function leave(sheet, then) {
  sheet.classList.add("leaving");
  const done = () => { sheet.hidden = true; sheet.classList.remove("leaving"); then(); };
  setTimeout(done, matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 190);
}

export function openPage(url) {
  if (!world.current) { toast("请先选一个人"); return; }
  const frame = $("web-frame");
  $("web-title").textContent = "正在打开…";
  $("view-web").hidden = false;
  screen().classList.add("web");
  busy();
  frame.src = `/_sandbox/webview?openid=${encodeURIComponent(world.current)}&url=${encodeURIComponent(url)}`;
  $("web-close").focus({ preventScroll: true, focusVisible: false });
}

export function closePage() {
  if ($("view-web").hidden) return;
  document.querySelector(".cashier-frame")?.remove();
  leave($("view-web"), () => { $("web-frame").src = "about:blank"; screen().classList.remove("web"); });
}

function busy() {
  const bar = $("web-progress");
  bar.classList.remove("busy");
  void bar.offsetWidth;
  bar.classList.add("busy");
}

function loaded() {
  const page = $("web-frame").contentDocument;
  $("web-progress").classList.remove("busy");
  if (!page || page.URL === "about:blank") return;
  $("web-title").textContent = page.title || "网页";
  page.addEventListener("keydown", (event) => { if (event.key === "Escape") closePage(); });
  $("web-frame").contentWindow.addEventListener("beforeunload", busy);
}

/** Open the page where it really stands, in a browser that is not the chat app's. */
function openOutside() {
  const { pathname, search, hash } = $("web-frame").contentWindow.location;
  const [whole, port] = pathname.match(/^\/_sandbox\/webview\/[^/]+\/(\d+)/) || [];
  if (!whole) { toast("这个网页只在手机里打开"); return; }
  open(`${location.protocol}//${location.hostname}:${port}${pathname.slice(whole.length)}${search}${hash}`, "_blank", "noopener");
}

async function payCode(code) {
  const kept = code.trim();
  if (!kept) { toast("请先填付款码"); return; }
  const outcome = await openCashier({ native: kept, openid: world.current });
  if (outcome.state === "ok") { toast("支付成功"); closeScan(); }
}

async function drawCodes() {
  const box = $("scan-codes");
  const native = await phone("codes").catch(() => []);
  box.replaceChildren(h("p", {}, native.length ? "或者选一张刚出的付款码" : "电脑上还没有等着付的付款码"),
    ...native.map((one) => h("button", { type: "button", onclick: () => payCode(one.code) }, icon("scan"),
      h("span", {}, one.description || "待付款", h("small", {}, `${one.order_no} · ${stamp(one.at, world.now())}`)), h("b", {}, yuan(one.amount_fen)))));
}

export function openScan() {
  if (!world.current) { toast("请先选一个人"); return; }
  $("scan-code").value = "";
  $("view-scan").hidden = false;
  screen().classList.add("dark");
  drawCodes();
  $("scan-code").focus({ preventScroll: true, focusVisible: false });
}

export function closeScan() {
  if ($("view-scan").hidden) return;
  leave($("view-scan"), () => screen().classList.remove("dark"));
}

export function startPages() {
  $("web-close").addEventListener("click", closePage);
  $("web-reload").addEventListener("click", () => { busy(); $("web-frame").contentWindow.location.reload(); });
  $("web-outside").addEventListener("click", openOutside);
  $("web-frame").addEventListener("load", loaded);
  $("scan-close").addEventListener("click", closeScan);
  $("scan-form").addEventListener("submit", (event) => { event.preventDefault(); payCode($("scan-code").value); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { closePage(); closeScan(); } });
  addEventListener("message", (event) => { if (event.source === $("web-frame").contentWindow && event.data === "sandbox-close-window") closePage(); });
}
