// The cashier: shows what is to be paid, takes a finger or six digits, says how it ended.

const $ = (id) => document.getElementById(id);
const ticket = location.pathname.split("/").at(-1);
const PAID_PAUSE_MS = 600;
const inFrame = window.parent !== window;
let back = "";
let typed = "";

function end(state, words = "") {
  document.body.classList.add("leaving");
  setTimeout(() => {
    if (inFrame) window.parent.postMessage({ cashier: ticket, state, words }, location.origin);
    else if (back) location.replace(back);
    else history.length > 1 ? history.back() : window.close();
  }, 170);
}

function refuse(words) {
  $("pay").hidden = true;
  $("refusal-words").textContent = words;
  $("refusal").hidden = false;
  $("understood").onclick = () => end("fail", words);
  $("understood").focus({ focusVisible: false });
}

const plain = (fen) => (fen / 100).toFixed(2).replace(/\B(?=(\d{3})+\.)/g, ",");

async function pay() {
  if (document.body.classList.contains("busy")) return;
  document.body.classList.add("busy");
  $("pay-head").textContent = "正在付款…";
  let answer;
  try {
    [answer] = await Promise.all([
      fetch(`/_sandbox/cashier/tickets/${ticket}/pay`, { method: "POST" }).then((got) => got.json()),
      new Promise((resolve) => { setTimeout(resolve, PAID_PAUSE_MS); }),
    ]);
  } catch {
    answer = { refusal: "网络不太好，请稍后再试" };
  }
  document.body.classList.remove("busy");
  if (answer.refusal) { refuse(answer.refusal); return; }
  $("pay").hidden = true;
  $("outcome").hidden = false;
  $("done").onclick = () => end("ok");
  $("done").focus({ focusVisible: false });
}

function type(digit) {
  if (document.body.classList.contains("busy")) return;
  typed = digit === "back" ? typed.slice(0, -1) : (typed + digit).slice(0, 6);
  [...$("dots").children].forEach((dot, n) => dot.classList.toggle("on", n < typed.length));
  $("dots").setAttribute("aria-label", `已输入 ${typed.length} 位`);
  if (typed.length === 6) pay();
}

function drawPad() {
  for (const key of ["1", "2", "3", "4", "5", "6", "7", "8", "9", "", "0", "back"]) {
    const button = document.createElement(key ? "button" : "span");
    if (key === "back") {
      button.setAttribute("aria-label", "删除一位");
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
      use.setAttribute("href", "/_sandbox/static/icons.svg#backspace");
      svg.append(use);
      button.append(svg);
    } else button.textContent = key;
    if (key) { button.type = "button"; button.addEventListener("click", () => type(key)); }
    $("pad").append(button);
  }
}

function chooseWay() {
  const bySecret = $("secret").hidden;
  $("secret").hidden = !bySecret;
  $("touch").hidden = bySecret;
  $("way").textContent = bySecret ? "用指纹" : "用密码";
}

async function start() {
  document.body.classList.toggle("alone", !inFrame);
  drawPad();
  $("leave").addEventListener("click", () => end("cancel"));
  $("shade").addEventListener("click", () => { if (!$("pay").hidden && inFrame) end("cancel"); });
  $("way").addEventListener("click", chooseWay);
  $("finger").addEventListener("click", pay);
  $("confirm").addEventListener("click", pay);
  document.addEventListener("keydown", (event) => {
    if ($("pay").hidden) return;
    if (event.key === "Escape") end("cancel");
    if ($("secret").hidden) return;
    if (/^\d$/.test(event.key)) type(event.key);
    if (event.key === "Backspace") type("back");
  });
  const asked = await fetch(`/_sandbox/cashier/tickets/${ticket}`).then((got) => got.json());
  back = asked.back || "";
  if (asked.refusal) { refuse(asked.refusal); return; }
  $("merchant").textContent = asked.merchant;
  $("paid-merchant").textContent = asked.merchant;
  $("amount").textContent = plain(asked.amount_fen);
  $("paid-amount").textContent = plain(asked.amount_fen);
  $("description").textContent = asked.description;
  $("pay").hidden = false;
  $("confirm").focus({ focusVisible: false });
}

start().catch(() => refuse("收银台没有打开，请再试一次"));
