// From a message's text to what is seen: links, cards, light formatting.

import { h, icon, stamp } from "./dom.js";

const LINK = /<a\s[^>]*?href\s*=\s*["']?([^"'\s>]+)["']?[^>]*>([\s\S]*?)<\/a>|(https?:\/\/[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+)/gi;
const SAY = /^weixin:\/\/bizmsgmenu\?/i;

/** Text as [{text} | {text, url}], with `<a href>` and bare addresses found. */
export function pieces(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    if (match[3]) {
      const url = match[3].replace(/[).,;:!?'\]]+$/, "");
      found.push({ text: "网页链接", url, bare: true });
      end = match.index + url.length;
    } else {
      found.push({ text: match[2].replace(/<[^>]+>/g, ""), url: match[1].replaceAll("&amp;", "&") });
      end = match.index + match[0].length;
    }
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

/** Without an address that has a line of its own: its card stands for it. */
const withoutBareLines = (text) => text.replace(/(^|\n)[ \t]*https?:\/\/\S+[ \t]*(?=\n|$)/g, "").replace(/^\n+/, "");

export function urlsIn(message) {
  const urls = pieces(message.text || "").filter((piece) => piece.url && !SAY.test(piece.url)).map((piece) => piece.url);
  if (message.url && message.kind !== "image") urls.push(message.url);
  return [...new Set(urls)];
}

export function bubbleNodes(text, open, say) {
  return pieces(withoutBareLines(text)).map((piece) => {
    if (!piece.url) return piece.text;
    const act = SAY.test(piece.url) ? () => say(piece.text) : () => open(piece.url);
    return h("button", { class: "inline", type: "button", title: piece.url, onclick: act }, piece.text);
  });
}

const PLACES = [
  [/\/pay\//, "bill", "缴费账单", "点开看每一笔，选好后支付"],
  [/\/receipts\//, "receipt", "电子收据", "查看、保存或打印收据"],
  [/\/disclosure\//, "page", "收支公示", "小区的钱收了多少、用在哪里"],
];

export function linkCard(url, from, open) {
  const found = PLACES.find(([path]) => path.test(url));
  const [, look, title, about] = found || [null, "page", "打开网页", url.replace(/^https?:\/\//, "").slice(0, 42)];
  return h("button", { class: `link-card ${look}`, type: "button", "data-url": url, onclick: () => open(url) },
    h("div", {}, h("div", {}, h("b", {}, title), h("span", {}, about)), h("i", {}, icon(look))),
    h("footer", {}, h("img", { src: "/_sandbox/static/logo.svg", alt: "" }), from));
}

function rowsOf(message) {
  const card = message.card || {};
  if (Array.isArray(card.fields)) {
    return { title: card.title || "服务通知", rows: card.fields.map((field) => [field.label || "", field.value]), lead: "" };
  }
  const [title, ...rest] = (message.text || "").split("\n");
  const rows = [];
  const lead = [];
  for (const line of rest) {
    const match = line.match(/^([^：:]{1,10})[：:]\s*(.+)$/);
    if (match) rows.push([match[1], match[2]]);
    else if (line.trim()) lead.push(line);
  }
  return { title, rows, lead: lead.join("\n") };
}

export function noticeCard(message, from, now, open) {
  const { title, rows, lead } = rowsOf(message);
  return h("article", { class: "notice", "data-seq": message.seq },
    h("header", {}, h("img", { src: "/_sandbox/static/logo.svg", alt: "" }), from),
    h("h4", {}, title), lead ? h("p", { class: "lead" }, lead) : null,
    rows.length ? h("dl", {}, rows.map(([label, value]) => [
      h("dt", {}, label), h("dd", { class: /^[¥￥]?[\d,]+\.\d\d元?$/.test(value) ? "sum" : null }, value)])) : null,
    message.url ? h("button", { class: "more", type: "button", "data-url": message.url, onclick: () => open(message.url) }, "查看详情", icon("right"))
      : h("footer", { class: "stamp" }, stamp(message.at, now)));
}

/** The little markdown that group robots speak. */
export function markdownNodes(text) {
  const inline = (line) => line.split(/(\*\*[^*]+\*\*|<font color="?\w+"?>.*?<\/font>|\[[^\]]+\]\([^)]+\))/g).map((part) => {
    const bold = part.match(/^\*\*(.+)\*\*$/);
    if (bold) return h("strong", {}, bold[1]);
    const font = part.match(/^<font color="?(\w+)"?>(.*?)<\/font>$/);
    if (font) return h("span", { class: font[1] }, font[2]);
    const link = part.match(/^\[([^\]]+)\]\(([^)]+)\)$/);
    return link ? h("span", { class: "link", title: link[2] }, link[1]) : part;
  });
  return text.split("\n").map((line, n, all) => {
    const head = line.match(/^#{1,6}\s+(.*)$/);
    if (head) return h("h5", {}, inline(head[1]));
    const quote = line.match(/^>\s?(.*)$/);
    if (quote) return h("blockquote", {}, inline(quote[1]));
    return h("span", {}, inline(line), n < all.length - 1 ? "\n" : "");
  });
}
