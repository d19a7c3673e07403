// A cashier's page goes on when the payer paid with another device, as after scanning its code.

const EVERY_MS = 1000;

async function look() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if ((await answer.text()).includes("data-paid")) {
      location.replace(location.href);
      return;
    }
  } catch {
    // No network just now: look again.
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
