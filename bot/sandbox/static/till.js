// Opening the cashier over the phone's screen, and hearing how it ended.

/** Ask the sandbox for a cashier; resolves to {state: "ok" | "cancel" | "fail", words}. */
export async function openCashier(asked) {
  const answer = await fetch("/_sandbox/cashier/tickets", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked),
  });
  if (!answer.ok) return { state: "fail", words: "收银台没有打开" };
  const { ticket } = await answer.json();
  const screen = document.querySelector("[data-screen]");
  const frame = document.createElement("iframe");
  frame.className = "cashier-frame";
  frame.title = "收银台";
  frame.src = `/_sandbox/cashier/sheet/${ticket}`;
  Object.assign(frame.style, {
    position: screen ? "absolute" : "fixed", inset: "0", width: "100%", height: "100%", border: "0",
    zIndex: screen ? "60" : "2147483000", background: "transparent", colorScheme: "light",
  });
  (screen || document.body).append(frame);
  return new Promise((resolve) => {
    const hear = (event) => {
      if (event.source !== frame.contentWindow || event.data?.cashier !== ticket) return;
      removeEventListener("message", hear);
      frame.remove();
      resolve(event.data);
    };
    addEventListener("message", hear);
  });
}
