// Talking to the sandbox: its control plane, its live events.

const CONTROL = "/_sandbox/control/";
const KINDS = ["inbox", "group", "clock", "trade", "refund", "menu", "people", "typing"];

async function call(url, method, body) {
  const answer = await fetch(url, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  let parsed = null;
  try { parsed = text ? JSON.parse(text) : null; } catch { parsed = null; }
  if (!answer.ok) throw new Error((parsed && (parsed.message || parsed.error)) || `沙箱没有答应（${answer.status}）`);
  return parsed;
}

export const get = (path) => call(CONTROL + path, "GET");
export const post = (path, body = {}) => call(CONTROL + path, "POST", body);
export const phone = (path) => call(`/_sandbox/phone/${path}`, "GET");

/** Hear everything that happens; `again` runs after each reconnection. */
export function listen(hear, again) {
  const stream = new EventSource(`${CONTROL}events`);
  const take = (event) => { try { hear(JSON.parse(event.data)); } catch (trouble) { console.warn("event not read", trouble); } };
  stream.onmessage = take;
  for (const kind of KINDS) stream.addEventListener(kind, take);
  let opened = false;
  stream.onopen = () => { if (opened) again(); opened = true; };
}
