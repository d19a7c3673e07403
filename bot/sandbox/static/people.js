// The panel of people: residents bound and not, staff, group chats; the list of chats in the phone.

import { post } from "./api.js";
import { $, accountFace, face, groupFace, h, stamp, toast } from "./dom.js";
import { label, world } from "./world.js";

function roleBadge(person) {
  if (!person.role) return person.unit.includes("、") ? h("em", { class: "role two" }, "多套房") : null;
  return h("em", { class: `role ${person.role}` }, person.roleLabel);
}

function personRow(person, choose) {
  const unread = world.unread.get(person.openid);
  return h("button", { class: "person", type: "button", "data-openid": person.openid, "aria-current": String(world.current === person.openid && world.view !== "group"), onclick: () => choose(person.openid) },
    face(person.name, person.openid),
    h("span", {}, h("b", {}, person.name, roleBadge(person), person.follows ? null : h("em", { class: "role off" }, person.came ? "已取关" : "未关注")),
      h("small", {}, person.role ? person.community || "物业同事" : label(person))),
    unread ? h("span", { class: "badge", title: `${unread} 条新消息` }, unread > 99 ? "99+" : unread) : null);
}

function groupRow(name, choose) {
  const unread = world.groupUnread.get(name);
  return h("button", { class: "person", type: "button", "data-group": name, "aria-current": String(world.view === "group" && world.group === name), onclick: () => choose(name) },
    groupFace(), h("span", {}, h("b", {}, name), h("small", {}, "群机器人消息")),
    unread ? h("span", { class: "badge" }, unread) : null);
}

export function drawPeople(choosePerson, chooseGroup) {
  const wanted = $("people-filter").value.trim().toLowerCase();
  const fits = (person) => !wanted || `${person.name}${person.unit}${person.roleLabel}${person.phone}`.toLowerCase().includes(wanted);
  const shown = world.people.filter(fits);
  const parts = [
    ["住户 · 已绑定", shown.filter((one) => !one.role && one.bound)],
    ["住户 · 还没绑定", shown.filter((one) => !one.role && !one.bound && one.known)],
    ["新关注的人", shown.filter((one) => !one.role && !one.known)],
    ["物业人员", shown.filter((one) => one.role && !one.atWork)],
    ["物业人员 · 企业微信", shown.filter((one) => one.atWork)],
  ];
  const nodes = [];
  for (const [title, rows] of parts) {
    if (rows.length) nodes.push(h("h3", {}, title, h("span", {}, String(rows.length))), ...rows.map((one) => personRow(one, choosePerson)));
  }
  const groups = world.groups.filter((name) => !wanted || name.toLowerCase().includes(wanted));
  if (groups.length) nodes.push(h("h3", {}, "群聊"), ...groups.map((name) => groupRow(name, chooseGroup)));
  if (!nodes.length) nodes.push(h("p", { class: "empty" }, wanted ? "没有找到这个人" : "还没有人关注，点下面的按钮来一位"));
  const box = $("people");
  const top = box.scrollTop;
  box.replaceChildren(...nodes);
  box.scrollTop = top;
  drawStrip();
}

function drawStrip() {
  const person = world.person();
  if (person) {
    $("strip-avatar").replaceChildren(face(person.name, person.openid));
    $("strip-name").textContent = person.role ? `${person.name} · ${person.roleLabel}` : `${person.name}${person.unit ? ` · ${person.unit}` : ""}`;
  }
  const others = [...world.unread].filter(([openid, n]) => n && openid !== world.current).length + [...world.groupUnread.values()].filter(Boolean).length;
  $("strip-dot").hidden = !others;
  const back = $("back-count");
  const groups = world.person()?.role ? [...world.groupUnread.values()].reduce((sum, n) => sum + n, 0) : 0;
  back.hidden = !groups;
  back.textContent = groups;
}

export function drawThreads(openChat, chooseGroup) {
  const person = world.person();
  const last = world.last.get(world.current);
  $("list-title").textContent = "聊天";
  const rows = [h("button", { class: "thread", type: "button", onclick: openChat }, accountFace(),
    h("b", {}, world.chatTitle(), h("mark", {}, person?.atWork ? "企业微信" : "公众号")), h("time", {}, last ? stamp(last.at, world.now()) : ""),
    h("small", {}, last ? (last.text || "").replace(/<[^>]+>/g, "").replaceAll("\n", " ") : "您好，有事请说"),
    world.unread.get(world.current) ? h("span", { class: "badge" }, world.unread.get(world.current)) : null)];
  if (person?.role) {
    for (const name of world.groups) rows.push(h("button", { class: "thread", type: "button", onclick: () => chooseGroup(name) }, groupFace(),
      h("b", {}, name), h("time", {}), h("small", {}, "群机器人发来的消息"), world.groupUnread.get(name) ? h("span", { class: "badge" }, world.groupUnread.get(name)) : null));
  }
  $("threads").replaceChildren(...rows);
}

const SURNAMES = "赵钱孙周吴郑冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜";
const GIVEN = ["晓雨", "建国", "思远", "丽娟", "志强", "雅琴", "子涵", "秀兰", "文博", "小满"];

/** Have the person who holds the phone follow the account. */
export async function follow(person) {
  await post("wechat/users", { nickname: person.name, openid: person.openid });
  toast(`${person.name} 关注了公众号`);
}

export async function newFollower() {
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const nickname = pick([...SURNAMES]) + pick(GIVEN);
  const { openid } = await post("wechat/users", { nickname });
  toast(`${nickname} 关注了公众号`);
  return openid;
}
