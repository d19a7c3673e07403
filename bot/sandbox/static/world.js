// What the page knows: people, who is holding the phone, what is unread, the time.

import { phone } from "./api.js";

const ROLES = { manager: "经理", cashier: "收费员", steward: "管家" };

export const world = {
  people: [], groups: [], account: "物业服务", current: null, view: "chat", group: null,
  unread: new Map(), last: new Map(), groupUnread: new Map(), ahead: 0, mode: "real",
  now() { return Date.now() + this.ahead; },
  person(openid = this.current) { return this.people.find((one) => one.openid === openid) || null; },
  /** What the chat is called: the official account, or the app inside WeCom. */
  chatTitle() { return this.person()?.atWork ? "物业工作台" : this.account; },
  setClock({ now, mode }) { this.ahead = Date.parse(now) - Date.now(); this.mode = mode || this.mode; },
};

function unitOf(row) {
  if (Array.isArray(row.units) && row.units.length) return row.units.map((unit) => unit.label || unit.unit_label || unit).join("、");
  if (Array.isArray(row.unit_labels) && row.unit_labels.length) return row.unit_labels.join("、");
  return row.unit_label || "";
}

function settle(row) {
  const role = row.role || "";
  return {
    openid: row.openid, name: row.name || row.nickname || "新朋友", phone: row.phone || "", unit: unitOf(row),
    community: row.community || "", role, roleLabel: row.role_label || ROLES[role] || (role ? "员工" : ""),
    bound: row.bound === true, known: row.bound !== undefined || Boolean(unitOf(row)),
    follows: row.follows !== false, came: row.came !== false,
    atWork: row.at_work === true, bindWords: row.bind_words || "",
  };
}

export async function loadPeople() {
  const start = await phone("start");
  world.people = start.people.map(settle);
  world.groups = start.groups;
  world.account = start.account;
  for (const [openid, message] of Object.entries(start.last)) world.last.set(openid, message);
}

export function label(person) {
  return person.role ? person.roleLabel : person.unit || (person.known ? "未登记房号" : "新关注");
}
