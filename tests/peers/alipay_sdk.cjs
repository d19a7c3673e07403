// Reads what to do as JSON on stdin, does it with alipay-sdk, prints JSON.
const fs = require('fs');
const { createRequire } = require('module');

const load = createRequire(process.argv[2] + '/');
const { AlipaySdk } = load('alipay-sdk');
const job = JSON.parse(fs.readFileSync(0, 'utf8'));
const { facts } = job;

function client() {
  const common = {
    appId: job.appId || facts.app_id,
    privateKey: fs.readFileSync(facts.app_private_key_file, 'ascii'),
    keyType: 'PKCS8',
    gateway: facts.gateway_url,
    endpoint: new URL(facts.gateway_url).origin,
    camelcase: false,
  };
  if (job.mode === 'certificate') {
    return new AlipaySdk({
      ...common,
      appCertPath: facts.app_certificate_file,
      alipayRootCertPath: facts.alipay_root_certificate_file,
      alipayPublicCertPath: facts.alipay_certificate_file,
    });
  }
  return new AlipaySdk({
    ...common, alipayPublicKey: fs.readFileSync(facts.alipay_public_key_file, 'ascii'),
  });
}

async function step(sdk, { call, page, method, biz, notify, given, httpMethod }) {
  try {
    if (notify) return sdk.checkNotifySignV2(notify);
    if (page) {
      const params = { ...given, bizContent: biz };
      return httpMethod ? sdk.pageExec(page, httpMethod, params) : sdk.pageExec(page, params);
    }
    return await sdk.exec(call || method, { ...given, bizContent: biz }, { validateSign: true });
  } catch (wrong) {
    return { error: wrong.message };
  }
}

async function drive() {
  const sdk = client();
  const told = [];
  for (const one of job.steps) told.push(await step(sdk, one));
  return told;
}

drive().then((told) => process.stdout.write(JSON.stringify(told)));
