// What a page finds inside the chat app: WeixinJSBridge, and addresses that stay inside the proxy.
(() => {
  const { openid, prefix, ports } = document.currentScript.dataset;
  const allowed = new Set(ports.split(","));
  const loopback = new Set(["127.0.0.1", "localhost", "[::1]"]);
  const home = location.pathname.split("/")[4];

  /** The proxied address of one that the page knows; others are left alone. */
  function inside(address) {
    const raw = String(address);
    if (/^(#|data:|blob:|javascript:|about:|mailto:|tel:)/i.test(raw)) return raw;
    let url;
    try { url = new URL(raw, document.baseURI); } catch { return raw; }
    const port = url.port || "80";
    if (!/^https?:$/.test(url.protocol) || !loopback.has(url.hostname) || !allowed.has(port)) return raw;
    if (url.pathname.startsWith("/_sandbox/webview/") || url.pathname.startsWith("/_sandbox/static/") || url.pathname.startsWith("/_sandbox/cashier/tickets")) return raw;
    const target = url.origin === location.origin ? home : port;
    return `${prefix}/${target}${url.pathname}${url.search}${url.hash}`;
  }

  const fetchAsked = window.fetch;
  window.fetch = (asked, how) => fetchAsked(asked instanceof Request ? new Request(inside(asked.url), asked) : inside(asked), how);
  const openAsked = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function open(method, url, ...rest) { return openAsked.call(this, method, inside(url), ...rest); };
  for (const name of ["pushState", "replaceState"]) {
    const asked = history[name];
    history[name] = function keep(state, title, url) { return asked.call(this, state, title, url === undefined || url === null ? url : inside(url)); };
  }
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a[href]");
    if (link) { const to = inside(link.getAttribute("href")); if (to !== link.getAttribute("href")) link.setAttribute("href", to); link.removeAttribute("target"); }
  }, true);
  document.addEventListener("submit", (event) => {
    for (const [node, name] of [[event.target, "action"], [event.submitter, "formaction"]]) {
      if (node?.hasAttribute(name)) node.setAttribute(name, inside(node.getAttribute(name)));
    }
  }, true);
  window.navigation?.addEventListener("navigate", (event) => {
    const to = inside(event.destination.url);
    if (to === event.destination.url || event.hashChange || !event.cancelable || event.formData) return;
    event.preventDefault();
    setTimeout(() => location.assign(to));
  });

  async function pay(params) {
    const host = window.parent !== window && window.parent.sandboxCashier;
    const open = host || (await import("/_sandbox/static/till.js")).openCashier;
    return open({ openid, bridge: params });
  }

  const ready = () => {
    window.WeixinJSBridge = {
      invoke(name, params, then) {
        const answer = (outcome) => then && then(outcome);
        if (name === "getBrandWCPayRequest") {
          pay(params || {}).then(
            (outcome) => answer({ err_msg: `get_brand_wcpay_request:${outcome.state}`, ...(outcome.state === "fail" ? { err_desc: outcome.words || "" } : {}) }),
            () => answer({ err_msg: "get_brand_wcpay_request:fail", err_desc: "收银台没有打开" }),
          );
        } else if (name === "closeWindow") {
          window.parent.postMessage("sandbox-close-window", location.origin);
          answer({ err_msg: "close_window:ok" });
        } else answer({ err_msg: `${name}:ok` });
      },
      call(name) { this.invoke(name, {}); },
      on() {},
    };
    document.dispatchEvent(new Event("WeixinJSBridgeReady"));
  };
  // As on a real phone the bridge comes a moment after the page.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => setTimeout(ready, 40));
  else setTimeout(ready, 40);
})();
