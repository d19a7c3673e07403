// Reads what to do as JSON on stdin, does it with wechatpay-axios-plugin, prints JSON.
const fs = require('fs');
const { createRequire } = require('module');

const load = createRequire(process.argv[2] + '/');
const { Wechatpay, Rsa, Aes, Formatter } = load('wechatpay-axios-plugin');
const job = JSON.parse(fs.readFileSync(0, 'utf8'));

async function answered(promise) {
  try {
    const { status, data } = await promise;
    return { status, data };
  } catch (wrong) {
    const { response } = wrong;
    return { status: response ? response.status : 0, data: response && response.data, error: wrong.message };
  }
}

async function drive({ client, headers, order, mchid, refund }) {
  const pay = new Wechatpay({
    mchid, serial: client.serial, privateKey: fs.readFileSync(client.key),
    certs: { [client.platformSerial]: fs.readFileSync(client.platformKey) }, baseURL: client.baseURL,
  });
  const { transactions } = pay.v3.pay;
  const one = transactions.outTradeNo._out_trade_no_;
  const named = { headers, out_trade_no: order.out_trade_no };
  const refunds = pay.v3.refund.domestic.refunds;
  const told = {};
  for (const step of job.steps) {
    if (step === 'create') told.create = await answered(transactions.jsapi.post(order, { headers }));
    if (step === 'query') told.query = await answered(one.get({ params: { mchid }, ...named }));
    if (step === 'close') told.close = await answered(one.close.post({ mchid }, named));
    if (step === 'refund') told.refund = await answered(refunds.post(refund, { headers }));
    if (step === 'queryRefund') {
      const { out_refund_no } = refund;
      told.queryRefund = await answered(refunds._out_refund_no_.get({ headers, out_refund_no }));
    }
  }
  return told;
}

function read({ headers, body, platformKey, apiKey }) {
  const message = Formatter.joinedByLineFeed(headers.timestamp, headers.nonce, body);
  const { resource } = JSON.parse(body);
  return {
    verified: Rsa.verify(message, headers.signature, fs.readFileSync(platformKey)),
    plain: JSON.parse(
      Aes.AesGcm.decrypt(resource.ciphertext, apiKey, resource.nonce, resource.associated_data),
    ),
  };
}

(job.notice ? Promise.resolve(read(job.notice)) : drive(job))
  .then((told) => process.stdout.write(JSON.stringify(told)));
