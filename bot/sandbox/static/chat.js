// The conversation with the official account: what is shown and what is sent.

import { phone, post } from "./api.js";
import { $, accountFace, face, h, icon, stamp, toast } from "./dom.js";
import { bubbleNodes, linkCard, noticeCard, urlsIn } from "./words.js";
import { world } from "./world.js";

const GAP_MS = 5 * 60 * 1000;
const ROUTES = { app: "应用消息", custom: "客服消息", mass: "群发", subscribe: "订阅通知" };
let shownSeq = 0;
let shownAt = 0;
let waiting = 0;
let typingTimer;
let stuck = true;
let openUrl = () => {};
let followNow = () => {};

export function whenLink(open) { openUrl = open; }
export function whenFollow(follow) { followNow = follow; }

const atEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 140;
const toEnd = () => { const box = $("messages"); box.scrollTop = box.scrollHeight; stuck = true; };

function welcome() {
  const person = world.person();
  const about = !person ? "选一个人，开始聊天" : !person.follows ? "还没有关注，点下面的按钮关注。" : person.atWork && !person.bound ? "这里是企业微信。点下面的“员工绑定…”，以后待办就发到这里。" : person.role ? "用平常的话问，也可以点菜单。" : person.bound ? "想知道欠多少、缴费、退款，直接说就好。" : "先绑定房屋：发“绑定”加房号、姓名和手机号。";
  return h("div", { class: "empty" }, h("img", { src: "/_sandbox/static/logo.svg", alt: "" }), h("b", {}, world.chatTitle()), about);
}

function wrapped(message, ...inside) {
  const mine = message.side === "me";
  const person = world.person();
  return h("div", { class: `line ${mine ? "mine" : "theirs"}`, "data-seq": message.seq, "data-route": message.route },
    mine ? face(person?.name || "我", world.current) : accountFace(),
    h("div", { class: "body" }, ...inside, !mine && ROUTES[message.route] ? h("span", { class: "route" }, ROUTES[message.route]) : null));
}

function newsCards(message) {
  const articles = message.card?.articles || [];
  return articles.map((article) => h("button", { class: "link-card page", type: "button", "data-url": article.url, onclick: () => openUrl(article.url) },
    h("div", {}, h("div", {}, h("b", {}, article.title), h("span", {}, article.description || "")), h("i", {}, icon(/\/receipts\//.test(article.url) ? "receipt" : /\/pay\//.test(article.url) ? "bill" : "page"))),
    h("footer", {}, h("img", { src: "/_sandbox/static/logo.svg", alt: "" }), world.account)));
}

function menuNodes(message) {
  const { head_content: head = "", list = [], tail_content: tail = "" } = message.card || {};
  const nodes = [head];
  for (const one of list) nodes.push("\n", h("button", { class: "inline", type: "button", onclick: () => say(one.content) }, one.content));
  if (tail) nodes.push("\n", tail);
  return nodes;
}

function drawn(message) {
  if (message.kind === "event") return h("p", { class: "event" }, message.text);
  if (message.kind === "template") return noticeCard(message, world.account, world.now(), openUrl);
  if (message.kind === "news" && message.card?.articles?.length) return wrapped(message, ...newsCards(message));
  if (message.kind === "menu") return wrapped(message, h("div", { class: "bubble" }, menuNodes(message)));
  const cards = message.side === "me" ? [] : urlsIn(message).map((url) => linkCard(url, world.account, openUrl));
  const words = bubbleNodes(message.text || "", openUrl, say);
  return wrapped(message, words.length ? h("div", { class: "bubble" }, words) : null, ...cards);
}

export function showMessage(message) {
  if (message.seq <= shownSeq) return;
  const box = $("messages");
  const follow = atEnd(box) || message.side === "me";
  box.querySelector(".empty")?.remove();
  const typing = box.querySelector(".typing");
  const at = Date.parse(message.at);
  const nodes = [];
  if (at - shownAt > GAP_MS) nodes.push(h("p", { class: "stamp" }, stamp(message.at, world.now())));
  nodes.push(drawn(message));
  if (typing) typing.before(...nodes); else box.append(...nodes);
  shownSeq = message.seq;
  shownAt = at;
  if (message.side !== "me") quietTyping();
  if (follow) toEnd();
}

/** Show a person's whole chat, from the platform's own record. */
export async function openConversation() {
  const openid = world.current;
  const box = $("messages");
  quietTyping();
  shownSeq = 0;
  shownAt = 0;
  $("chat-title").textContent = world.chatTitle();
  const messages = world.person()?.came ? await phone(`conversation/${encodeURIComponent(openid)}?after=0`) : [];
  if (openid !== world.current) return;
  box.classList.add("quiet");
  shownSeq = 0;
  shownAt = 0;
  box.replaceChildren(...(messages.length ? [] : [welcome()]));
  for (const message of messages) showMessage(message);
  toEnd();
  requestAnimationFrame(() => box.classList.remove("quiet"));
  drawChips();
}

export async function catchUp() {
  const openid = world.current;
  if (!openid || !world.person()?.came) return;
  const messages = await phone(`conversation/${encodeURIComponent(openid)}?after=${shownSeq}`);
  if (openid === world.current) messages.forEach(showMessage);
}

function showTyping() {
  clearTimeout(typingTimer);
  $("chat-title").textContent = "对方正在输入…";
  const box = $("messages");
  if (!box.querySelector(".typing")) {
    box.append(h("div", { class: "line typing" }, accountFace(), h("div", { class: "body" }, h("div", { class: "bubble", "aria-label": "正在输入" }, h("u"), h("u"), h("u")))));
  }
  toEnd();
}

function quietTyping() {
  clearTimeout(typingTimer);
  $("chat-title").textContent = world.chatTitle();
  $("messages").querySelector(".typing")?.remove();
}

export function hearTyping(on) {
  if (!on) { quietTyping(); return; }
  showTyping();
  typingTimer = setTimeout(quietTyping, 15000);
}

/** Hand an act to the platform she sits at: WeCom takes words and taps only. */
function deliver(openid, action) {
  if (!openid.startsWith("wecom:")) return post("wechat/messages", { openid, ...action });
  if (!action.text && !action.event) throw new Error("企业微信里请用文字");
  return post("wecom/messages", { userid: openid.slice(6), ...action });
}

/** Let the person act; the platform delivers it to the bot as it would. */
export async function act(action) {
  const openid = world.current;
  if (!openid) { toast("请先选一个人"); return null; }
  if (!world.person()?.follows && action.event !== "unsubscribe") { toast("先关注公众号，才能说话"); return null; }
  waiting += 1;
  const slow = setTimeout(() => { if (openid === world.current) showTyping(); }, 260);
  try {
    return await deliver(openid, action);
  } catch (trouble) {
    toast(trouble.message);
    return null;
  } finally {
    waiting -= 1;
    clearTimeout(slow);
    if (openid === world.current) {
      await catchUp().catch(() => {});
      if (!waiting) typingTimer = setTimeout(quietTyping, 1800);
    }
  }
}

export const say = (text) => act({ text });

const followButton = () => h("button", { class: "follow", type: "button", onclick: () => followNow() }, "关注公众号");

function suggestions() {
  const person = world.person();
  if (!person) return [];
  if (person.atWork && !person.bound && person.bindWords) return [person.bindWords, "帮助"];
  if (person.role) return ["今日", "待审批", "工单", "群发 3栋 明天上午9点到12点停水检修", "群发报告", "员工帮助"];
  if (!person.bound && person.unit && person.phone) return [`绑定 ${person.unit.split("、")[0]} ${person.name} ${person.phone}`, "帮助"];
  if (!person.bound) return ["绑定", "帮助", "人工"];
  return ["我欠多少", "缴费", "为什么这么多", "缴费记录", "我要退款"];
}

export function drawChips() {
  $("menu").hidden = world.person()?.atWork === true || !$("menu").childElementCount;
  if (world.person()?.follows === false) { $("chips").replaceChildren(followButton()); return; }
  $("chips").replaceChildren(...suggestions().map((text) => h("button", { type: "button", title: text, onclick: () => say(text) }, text)));
}

function fit() {
  const box = $("composer-text");
  box.style.height = "40px";
  box.style.height = `${Math.min(112, Math.max(40, box.scrollHeight))}px`;
  const empty = !box.value.trim();
  $("send").hidden = empty;
  $("to-tray").hidden = !empty;
}

function sendTyped() {
  const box = $("composer-text");
  const text = box.value.trim();
  if (!text) return;
  box.value = "";
  fit();
  say(text);
}

function drawTray(scan) {
  const tile = (look, name, onclick) => h("button", { type: "button", onclick: () => { $("tray").hidden = true; $("to-tray").setAttribute("aria-expanded", "false"); onclick(); } }, h("i", {}, icon(look)), name);
  const follows = world.person()?.follows !== false;
  $("tray").replaceChildren(
    tile("image", "图片", () => act({ image: `${location.origin}/_sandbox/static/logo.svg` })),
    tile("voice", "语音", () => act({ voice: "我欠多少物业费" })),
    tile("place", "位置", () => act({ location: { x: 31.2304, y: 121.4737, scale: 15, label: "小区东门" } })),
    tile("scan", "扫一扫", scan),
    tile(follows ? "leave" : "person-plus", follows ? "取消关注" : "重新关注", () => (follows ? act({ event: "unsubscribe" }) : followNow())));
}

/** Stay with the newest message when the menu or the keyboard takes room, unless one reads above. */
function stayAtEnd() {
  const box = $("messages");
  box.addEventListener("scroll", () => { stuck = atEnd(box); }, { passive: true });
  new ResizeObserver(() => { if (stuck) toEnd(); }).observe(box);
}

export function startComposer(scan) {
  stayAtEnd();
  const box = $("composer-text");
  box.addEventListener("input", fit);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); sendTyped(); }
  });
  $("composer").addEventListener("submit", (event) => { event.preventDefault(); sendTyped(); box.focus(); });
  $("to-tray").addEventListener("click", () => {
    drawTray(scan);
    $("tray").hidden = !$("tray").hidden;
    $("to-tray").setAttribute("aria-expanded", String(!$("tray").hidden));
    toEnd();
  });
}
