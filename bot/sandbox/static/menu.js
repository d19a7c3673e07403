// The account's menu at the bottom: three columns, each a button or a small list.

import { get } from "./api.js";
import { $, h, icon, toast } from "./dom.js";
import { act } from "./chat.js";
import { world } from "./world.js";

let openUrl = () => {};

function press(button) {
  closeMenus();
  if (button.type === "view" || button.type === "miniprogram") {
    openUrl(button.url);
    act({ event: "VIEW", event_key: button.url });
  } else if (button.type === "click") act({ event: "CLICK", event_key: button.key });
  else if (button.type) act({ event: button.type, event_key: button.key || "" });
  else toast("这个菜单还没有设好");
}

function closeMenus() {
  for (const list of $("menu").querySelectorAll(".submenu")) list.remove();
  for (const top of $("menu").querySelectorAll("[aria-expanded]")) top.setAttribute("aria-expanded", "false");
}

function unfold(column, button, top) {
  const wasOpen = top.getAttribute("aria-expanded") === "true";
  closeMenus();
  if (wasOpen) return;
  top.setAttribute("aria-expanded", "true");
  column.append(h("div", { class: "submenu" }, button.sub_button.map((one) => h("button", { type: "button", onclick: () => press(one) }, one.name))));
  column.querySelector(".submenu button")?.focus({ preventScroll: true, focusVisible: false });
}

export async function loadMenu() {
  const answer = await get("menu").catch(() => null);
  const buttons = Array.isArray(answer) ? answer : answer?.button || answer?.menu?.button || [];
  const columns = buttons.slice(0, 3).map((button) => {
    const many = button.sub_button && button.sub_button.length;
    const top = h("button", { type: "button", "aria-expanded": many ? "false" : null, "aria-haspopup": many ? "true" : null }, many ? icon("list") : null, button.name);
    const column = h("div", {}, top);
    top.addEventListener("click", () => (many ? unfold(column, button, top) : press(button)));
    return column;
  });
  $("menu").replaceChildren(...columns);
  $("menu").hidden = !columns.length || world.person()?.atWork === true;
}

export function startMenu(open) {
  openUrl = open;
  document.addEventListener("click", (event) => { if (!event.target.closest("#menu")) closeMenus(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeMenus(); });
}
