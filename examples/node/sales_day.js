'use strict';
/* A day of a sales team in Node: GUANXI_LIBRARY=path/to/libguanxi.so node sales_day.js */
const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const guanxi = require('./guanxi');

const KEY = Buffer.from('an example key never for a host!');
const PASSWORD = 'one long password';

function refused(key, call) {
  assert.throws(call, (error) => {
    console.log(`refused: [${error.key}] ${error.message}`);
    return error instanceof guanxi.GuanxiError && error.key === key;
  });
}

function makeDeals(admin) {
  const account = admin.call('record.create', {
    entity: 'crm.account', values: { name: '上海加喜企业服务有限公司', city: '上海' },
  }).id;
  for (let number = 1; number <= 6; number++) {
    const values = {
      title: `执照变更 ${number}`, account, engaged_on: `2026-11-${20 + number}`,
      amount: { amount: `${1000 * number}.50`, currency: 'CNY' },
    };
    if (number % 2 === 0) values.owner = '韩梅梅';
    admin.call('record.create', { entity: 'crm.opportunity', values });
  }
}

function theDay(crm) {
  const admin = crm.signIn('admin', PASSWORD);
  admin.call('user.create', { values: { name: '韩梅梅' }, password: PASSWORD, roles: ['salesperson'] });
  const changes = admin.subscribe({ entities: ['crm.opportunity'] });
  makeDeals(admin);
  assert.strictEqual(guanxi.nextChanges(changes, 1000).changes[0].kind, 'create');
  guanxi.unsubscribe(changes);

  const hers = crm.signIn('韩梅梅', PASSWORD);
  const seen = [admin.count('crm.opportunity'), hers.count('crm.opportunity')];
  console.log(`admin sees ${seen[0]} deals, 韩梅梅 ${seen[1]}`);
  assert.deepStrictEqual(seen, [6, 3]);
  const newest = [...hers.query('crm.opportunity', { filter: { status: 'open' }, sort: '-engaged_on', limit: 3 })];
  for (const { engaged_on: day, title, amount } of newest) console.log(day, title, amount.currency, amount.amount);
  hers.call('opportunity.win', { id: newest[0].id });
  refused('model.invalid_transition', () => hers.call('opportunity.lose', { id: newest[0].id, reason: '价格' }));

  console.log('found', [...admin.search('加喜', 3)][0].title);
  refused('schema.required', () => admin.call('record.create', { entity: 'crm.account', values: { city: '上海' } }));
  admin.call('ledger.verify');
  console.log('The ledger verifies');
  hers.free();
  admin.free();
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'guanxi-'));
try {
  const given = { path: path.join(folder, 'day.guanxi'), key: KEY };
  const crm = guanxi.Crm.create({ ...given, administrator: ['admin', PASSWORD] });
  theDay(crm);
  crm.close();
  refused('storage.wrong_key', () => guanxi.Crm.open({ ...given, key: Buffer.alloc(32) }));
  guanxi.Crm.open(given).close();
  assert.strictEqual(guanxi.liveHandles(), 0);
} finally {
  fs.rmSync(folder, { recursive: true });
}
