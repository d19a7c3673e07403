// The right-hand panel: the clock, what to try, what the platforms have been asked.

import { get, post } from "./api.js";
import { $, h, icon, shanghai, toast } from "./dom.js";
import { world } from "./world.js";

const HOUR = 3600;
const DAY = 86400;
const KEPT_CALLS = 120;
const NAMES = { wechat: ["公众号", ""], wechat_pay: ["支付", "pay"], wecom: ["企微", "wecom"], alipay: ["支付宝", "other"], unionpay: ["银联", "other"], bank: ["银行", "other"] };
const MEANINGS = [
  [/^callback$/, "把话送到机器人"], [/\/notify\//, "通知机器人：款项有变化"], [/message\/custom\/send/, "客服消息"], [/message\/custom\/typing/, "正在输入"],
  [/message\/template\/send/, "模板消息"], [/subscribe\/bizsend/, "订阅通知"], [/message\/mass\//, "群发"], [/menu\/create/, "发布菜单"], [/oauth2\/authorize/, "网页授权"],
  [/oauth2\/access_token/, "换取身份"], [/cgi-bin\/(stable_)?token/, "取访问令牌"], [/webhook\/send/, "群机器人"], [/transactions\/(jsapi|h5|native)$/, "下单"], [/transactions\/.*\/close$/, "关单"],
  [/transactions\//, "查订单"], [/domestic\/refunds$/, "申请退款"], [/domestic\/refunds\//, "查退款"], [/certificates/, "取平台证书"], [/user\/info/, "查关注"],
];
let lastCall = 0;
let callTimer;
let calls = 0;

function monthAhead(now) {
  const today = shanghai(now);
  const days = new Date(Date.UTC(today.year, today.month, 0)).getUTCDate();
  return days * DAY;
}

export function drawClock() {
  const now = shanghai(world.now());
  $("status-time").textContent = now.time;
  $("clock-time").textContent = now.time;
  const day = `${now.year}年${now.month}月${now.date}日`;
  if (!$("clock-day").textContent.startsWith(`${day}星`)) $("clock-day").replaceChildren(h("i", {}, day), h("i", {}, `星期${now.weekday}`));
  $("clock-mode").textContent = world.mode === "virtual" ? "虚拟时间" : "真实时间";
  for (const node of document.querySelectorAll(".clock-short")) node.textContent = `${now.month}月${now.date}日 ${now.time}`;
}

async function move(body) {
  const card = document.querySelector(".clock");
  if (card.classList.contains("busy")) return;
  card.classList.add("busy");
  $("clock-say").textContent = "时间在走，到点的事一件件办…";
  const began = performance.now();
  try {
    world.setClock(await post("clock", body));
    $("clock-say").textContent = `到了。路上的事都办完了，用了 ${((performance.now() - began) / 1000).toFixed(1)} 秒。`;
  } catch (trouble) {
    $("clock-say").textContent = "钟没有走成，请再试一次。";
    toast(trouble.message);
  } finally {
    card.classList.remove("busy");
    drawClock();
    proposeDate();
  }
}

/** Have the field ready with a morning a week ahead. */
export function proposeDate() {
  const now = shanghai(world.now());
  $("clock-set").min = `${now.day}T${now.time}`;
  $("clock-set").value = `${shanghai(world.now() + 7 * DAY * 1000).day}T09:00`;
}

export function startClock() {
  const steps = [["+1小时", () => HOUR], ["+1天", () => DAY], ["+7天", () => 7 * DAY], ["+1个月", () => monthAhead(world.now())]];
  $("steps").replaceChildren(...steps.map(([name, seconds]) => h("button", { type: "button", onclick: () => move({ advance_seconds: seconds() }) }, name)));
  $("to-date").addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = $("clock-set").value;
    if (!wanted) { toast("请先选一个日子"); return; }
    if (Date.parse(`${wanted}:00+08:00`) < world.now()) { toast("钟只往前走，请选以后的时间"); return; }
    move({ set: `${wanted}:00+08:00` });
  });
  setInterval(drawClock, 1000);
}

export function drawHints(say) {
  const person = world.person();
  const hint = (title, about, onclick) => h("li", {}, h("button", { type: "button", onclick }, h("span", {}, h("b", {}, title), h("small", {}, about)), icon("right")));
  const hints = [];
  if (person?.role) {
    hints.push(hint("问“今日”", "收了多少、退了多少、还欠多少", () => say("今日")), hint("说“群发 3栋 …”", "先看能到几户，确认了才发", () => say("群发 3栋 明天上午9点到12点停水检修")), hint("问“群发报告”", "谁收到了、谁没有、为什么", () => say("群发报告")), hint("问“待审批”", "等着同意的退款、群发和绑定", () => say("待审批")));
  } else {
    if (person && !person.bound && person.unit && person.phone) hints.push(hint("先绑定房屋", "一句话说完房号、姓名、手机号", () => say(`绑定 ${person.unit.split("、")[0]} ${person.name} ${person.phone}`)));
    hints.push(hint("问“我欠多少”", "一笔一笔说给您听", () => say("我欠多少")),
      hint("点链接缴费", "说“缴费”，点卡片，按指纹付款", () => say("缴费")),
      hint("说“我要退款”", "每一步都会告诉您", () => say("我要退款")),
      hint("把钟拨快 1 个月", "看出账和提醒怎么来", () => move({ advance_seconds: monthAhead(world.now()) })));
  }
  $("hints").replaceChildren(...hints.slice(0, 4));
}

function callRow(call) {
  const [name, look] = NAMES[call.platform] || [call.platform || "平台", "other"];
  const path = String(call.path || "").replace(/^https?:\/\/[^/]+/, "").replace(/^\/_sandbox\/[a-z_]+(?=\/)/, "");
  const meaning = MEANINGS.find(([pattern]) => pattern.test(path));
  const code = call.code ?? call.status;
  return h("div", { class: "call", title: `${call.method} ${call.path}\n${call.at || ""}` }, h("b", { class: look }, name), h("span", {}, meaning ? h("u", {}, meaning[1]) : null, `${call.method} ${path}`),
    h("i", { class: code >= 400 || call.fault ? "bad" : null }, code >= 400 ? String(code) : call.at ? shanghai(call.at).time : ""));
}

export async function loadCalls() {
  const fresh = await get(`calls?after=${lastCall}`).catch(() => []);
  if (!fresh.length) return;
  lastCall = fresh.at(-1).seq;
  calls += fresh.length;
  $("log-count").textContent = `${calls} 次`;
  const box = $("log");
  box.querySelector("p")?.remove();
  box.prepend(...fresh.slice(-KEPT_CALLS).reverse().map(callRow));
  while (box.children.length > KEPT_CALLS) box.lastChild.remove();
}

export function soonCalls() {
  clearTimeout(callTimer);
  callTimer = setTimeout(loadCalls, 200);
}

export function startLog() {
  $("log").replaceChildren(h("p", {}, "机器人每次找平台办事，都会出现在这里。"));
  loadCalls();
  setInterval(() => { if (!document.hidden) loadCalls(); }, 4000);
}
