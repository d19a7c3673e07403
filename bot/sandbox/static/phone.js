// The phone: puts chats, people, pages, clock and live events together.

import { get, listen } from "./api.js";
import { catchUp, drawChips, hearTyping, openConversation, say, showMessage, startComposer, whenFollow, whenLink } from "./chat.js";
import { drawClock, drawHints, proposeDate, soonCalls, startClock, startLog } from "./desk.js";
import { $, groupFace, h, stamp, toast } from "./dom.js";
import { loadMenu, startMenu } from "./menu.js";
import { closePage, closeScan, openPage, openScan, startPages } from "./pages.js";
import { drawPeople, drawThreads, follow, newFollower } from "./people.js";
import { markdownNodes } from "./words.js";
import { openCashier } from "./till.js";
import { loadPeople, world } from "./world.js";

const REMEMBERED = "sandbox-person";
let groupSeq = 0;

const drawAll = () => { drawPeople(choosePerson, chooseGroup); drawHints(say); };

function show(view) {
  world.view = view;
  for (const name of ["chat", "list", "group"]) $(`view-${name}`).hidden = name !== view;
  if (view === "list") drawThreads(openChat, chooseGroup);
}

function openChat() {
  show("chat");
  world.unread.delete(world.current);
  drawAll();
  const box = $("messages");
  box.scrollTop = box.scrollHeight;
}

async function choosePerson(openid) {
  closeDrawers();
  closePage();
  closeScan();
  world.current = openid;
  world.unread.delete(openid);
  history.replaceState(null, "", `#${openid}`);
  localStorage.setItem(REMEMBERED, openid);
  show("chat");
  drawAll();
  await openConversation();
}

function groupLine(message) {
  return h("div", { class: "line theirs" }, groupFace(), h("div", { class: "body" }, h("span", { class: "group-name" }, message.robot || "物业机器人"), h("div", { class: "bubble" }, markdownNodes(message.text || ""))));
}

function showGroupMessage(message) {
  const box = $("group-messages");
  if (message.seq <= groupSeq) return;
  groupSeq = message.seq;
  box.querySelector(".empty")?.remove();
  box.append(h("p", { class: "stamp" }, message.at ? stamp(message.at, world.now()) : ""), groupLine(message));
  box.scrollTop = box.scrollHeight;
}

async function chooseGroup(name) {
  closeDrawers();
  closePage();
  world.group = name;
  world.groupUnread.delete(name);
  show("group");
  drawAll();
  groupSeq = 0;
  $("group-title").textContent = name;
  $("group-messages").replaceChildren(h("p", { class: "empty" }, "群里还没有消息。物业人员在聊天里群发、值班提醒，会到这里。"));
  const messages = await get(`wecom/groups/${encodeURIComponent(name)}/messages?after=0`).catch(() => []);
  messages.forEach(showGroupMessage);
}

function hearInbox({ openid, message }) {
  world.last.set(openid, message);
  const here = openid === world.current;
  if (here) showMessage(message);
  if (message.side !== "me" && !(here && world.view === "chat")) world.unread.set(openid, (world.unread.get(openid) || 0) + 1);
  if (world.view === "list" && here) drawThreads(openChat, chooseGroup);
  soonPeople();
}

function hearGroup({ group, message }) {
  if (world.view === "group" && world.group === group) showGroupMessage(message);
  else world.groupUnread.set(group, (world.groupUnread.get(group) || 0) + 1);
  if (world.view === "list") drawThreads(openChat, chooseGroup);
  soonPeople();
}

let peopleTimer;
let reload = false;
function soonPeople(andLoad = false) {
  reload ||= andLoad;
  clearTimeout(peopleTimer);
  peopleTimer = setTimeout(async () => {
    if (reload) { reload = false; await loadPeople().catch(() => {}); drawChips(); }
    drawAll();
  }, 120);
}

const HEARD = {
  inbox: (event) => { hearInbox(event); if (/绑定|解绑/.test(event.message.text || "")) soonPeople(true); },
  group: hearGroup,
  clock: (event) => { world.setClock(event); drawClock(); },
  menu: () => loadMenu(),
  people: () => soonPeople(true),
  typing: (event) => { if (event.openid === world.current) hearTyping(event.on); },
};

function hear(event) {
  HEARD[event.type]?.(event);
  soonCalls();
}

function closeDrawers() {
  for (const panel of document.querySelectorAll(".panel.open")) panel.classList.remove("open");
  $("scrim").hidden = true;
}

function startDrawers() {
  for (const button of document.querySelectorAll("[data-drawer]")) {
    button.addEventListener("click", () => { closeDrawers(); $(button.dataset.drawer).classList.add("open"); $("scrim").hidden = false; });
  }
  $("scrim").addEventListener("click", closeDrawers);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeDrawers(); });
  $("panel-desk").addEventListener("click", (event) => { if (event.target.closest("#hints button")) closeDrawers(); });
}

function startButtons() {
  $("to-list").addEventListener("click", () => show("list"));
  for (const back of document.querySelectorAll("[data-to-list]")) back.addEventListener("click", () => show("list"));
  $("list-scan").addEventListener("click", openScan);
  $("to-profile").addEventListener("click", aboutPerson);
  $("people-filter").addEventListener("input", () => drawPeople(choosePerson, chooseGroup));
  $("new-follower").addEventListener("click", async () => {
    try {
      const openid = await newFollower();
      await loadPeople();
      await choosePerson(openid);
    } catch (trouble) { toast(trouble.message); }
  });
}

async function followHere() {
  try {
    await follow(world.person());
    await loadPeople();
    drawAll();
    await openConversation();
  } catch (trouble) { toast(trouble.message); }
}

function aboutPerson() {
  const person = world.person();
  if (!person) return;
  const lines = [person.name, person.role ? person.roleLabel : person.unit || "还没有绑定房屋", person.phone, person.community].filter(Boolean);
  toast(lines.join("\n"), 3200);
}

function firstPerson() {
  const wanted = [decodeURIComponent(location.hash.slice(1)), localStorage.getItem(REMEMBERED)];
  const known = wanted.find((openid) => openid && world.person(openid));
  return known || (world.people.find((one) => one.bound && !one.role) || world.people[0])?.openid;
}

async function start() {
  window.sandboxCashier = openCashier;
  whenLink(openPage);
  whenFollow(followHere);
  startComposer(openScan);
  startMenu(openPage);
  startPages();
  startDrawers();
  startButtons();
  startClock();
  drawClock();
  world.setClock(await get("clock"));
  drawClock();
  proposeDate();
  await loadPeople();
  const first = firstPerson();
  if (first) await choosePerson(first); else { drawAll(); await openConversation(); }
  await loadMenu();
  startLog();
  listen(hear, () => { catchUp().catch(() => {}); soonPeople(true); loadMenu(); });
  document.documentElement.dataset.ready = "true";
}

start().catch((trouble) => { console.warn(trouble); toast("沙箱还没准备好，请刷新页面再试", 6000); });
