// UnionPay's cashier: groups the card's digits, pays once, and goes back to the merchant by itself.

const SEEN_MS = 1500;
const card = document.getElementById("card");
const sheet = document.querySelector("[data-pay-form]");
const back = document.querySelector("[data-back-form]");

card?.addEventListener("input", () => {
  const digits = card.value.replace(/\D/g, "").slice(0, 19);
  card.value = digits.replace(/(\d{4})(?=\d)/g, "$1 ");
});

sheet?.addEventListener("submit", () => {
  const button = sheet.querySelector("[data-pay]");
  button.disabled = true;
  button.textContent = "正在付款…";
});

if (back) setTimeout(() => back.submit(), SEEN_MS);
