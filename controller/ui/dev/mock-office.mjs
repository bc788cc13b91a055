// The part of the stand-in that knows the office: settings, the record of what happened, messages, backups, branches
// in full. Kept in memory; nothing of it is shipped.
const EMAIL = { host: 'smtp.lastmile.example', port: 587, tls: 'starttls', allow_open: false, ca_pem: null, username: 'noreply', from_address: 'noreply@lastmile.example', from_name: 'Dhaka Fiber', reply_to: null };
const preset = (provider, url, fields, more = {}) => ({ provider, method: 'post', url, allow_http: false, body: 'form', fields: Object.entries(fields).map(([name, value]) => ({ name, value })), headers: [], sender: '', number: 'digits', answer: { code: '/response_code', reason: null, accepted: ['202'], later: ['1005'], down: ['1002', '1007'], id: '/message_id', detail: '/error_message' }, deduplicates: false, reports: null, ...more });
const PRESETS = [
  preset('bulksmsbd', 'https://bulksmsbd.net/api/smsapi', { api_key: '{api_key}', type: 'text', number: '{to}', senderid: '{sender}', message: '{text}' }),
  preset('ssl_wireless', 'https://smsplus.sslwireless.com/api/v3/send-sms', { api_token: '{api_token}', sid: '{sender}', msisdn: '{to}', sms: '{text}', csms_id: '{id}' }, { body: 'json', answer: { code: '/status', reason: '/status_code', accepted: ['SUCCESS'], later: [], down: ['4001', '4003'], id: '/smsinfo/0/reference_id', detail: '/error_message' } }),
  preset('kannel', 'http://127.0.0.1:13013/cgi-bin/sendsms', { username: '{username}', password: '{password}', to: '{to}', text: '{text}' }, { method: 'get', body: 'query', answer: { code: '', reason: null, accepted: ['0:', '3:'], later: [], down: [], id: null, detail: null } }),
];
const secretNames = (s) => [...new Set([...s.fields, ...s.headers].flatMap((f) => [...f.value.matchAll(/\{(\w+)\}/g)].map((m) => m[1])).filter((n) => !['to', 'text', 'id', 'sender'].includes(n)))];
const V = (name, meaning, sample, secret = false, always = true) => ({ name, meaning, sample, secret, always });
const COMPANY = V('company', 'the name of the company', 'Dhaka Fiber'), NAME = V('name', 'the name of the recipient', 'Rahim Uddin'), PACKAGE = V('package', 'the name of the package', 'Home 20'), UNTIL = V('paid_until', 'when the paid time ends', '22 Dec 2026, 21:00', false, false);
const TEMPLATES = {
  staff_invitation: { about: 'Somebody is invited to work with Lastmile.', switchable: false, channels: ['email', 'sms'], needs: ['link'], variables: [COMPANY, NAME, V('inviter', 'who invites', 'Nasreen Akter'), V('role', 'as what', 'Cashier'), V('link', 'where a password is chosen', 'https://isp.example/invitation/k7mz4que', true)], sms: ['{company}: {inviter} invites you as {role}. Choose your password: {link}', '{company}: {inviter} আপনাকে {role} হিসেবে আমন্ত্রণ জানিয়েছেন। পাসওয়ার্ড ঠিক করুন: {link}'] },
  password_reset: { about: 'Somebody has asked for a new password.', switchable: false, channels: ['email', 'sms'], needs: ['link', 'code'], variables: [COMPANY, NAME, V('link', 'where a new password is chosen', 'https://isp.example/password-reset/k7mz', true, false), V('code', 'the code to type', '482913', true, false)], sms: ['{company}: a new password was asked for.\nCode: {code}\nLink: {link}\nNot you? Do nothing.', '{company}: নতুন পাসওয়ার্ড চাওয়া হয়েছে।\nকোড: {code}\nলিংক: {link}'] },
  payment_receipt: { about: 'A payment was taken.', switchable: true, channels: ['sms', 'email'], needs: ['amount'], variables: [COMPANY, NAME, V('amount', 'what was paid', 'Tk 800'), V('number', 'number of the receipt', 'R-000123'), PACKAGE, UNTIL], sms: ['{company}: received {amount} for {package}, receipt {number}. Thank you.\nPaid until {paid_until}.', '{company}: {package} বাবদ {amount} পেয়েছি, রসিদ {number}। ধন্যবাদ।\nমেয়াদ {paid_until} পর্যন্ত।'] },
  expiry_reminder: { about: 'The time that a customer has paid for ends soon.', switchable: true, channels: ['sms', 'email'], needs: [], variables: [COMPANY, NAME, PACKAGE, UNTIL, V('amount', 'what the package costs', 'Tk 800', false, false)], sms: ['{company}: {package} is paid until {paid_until}.\nPlease pay {amount} before, to stay online.', '{company}: {package}-এর মেয়াদ {paid_until} পর্যন্ত।\nচালু রাখতে তার আগে {amount} পরিশোধ করুন।'] },
  line_held: { about: 'A line was closed because it is not paid for.', switchable: true, channels: ['sms', 'email'], needs: [], variables: [COMPANY, NAME, PACKAGE, V('amount', 'what the package costs', 'Tk 800', false, false)], sms: ['{company}: your line ({package}) is closed, because it is not paid for.\nIt opens by itself when {amount} is paid.', '{company}: বিল বকেয়া থাকায় আপনার সংযোগ ({package}) বন্ধ আছে।\n{amount} পরিশোধ করলেই এটি নিজে থেকে চালু হবে।'] },
};

export function office({ branches, id, iso, Fault, missing, invalid, find, changed, customers, people, empty, huge, count, linesOf }) {
  const MIN = 60_000, HOUR = 60 * MIN, DAY = 24 * HOUR, start = Date.now();
  const conflict = (code, detail) => new Fault(409, code, detail);

  // Settings
  const def = (key, kind, value, more = {}) => ({ key, section: key.split('.')[0], kind, most: null, least: null, unit: null, choices: [], per_branch: false, default: value, ...more });
  const REGISTRY = [
    def('company.name', 'line', '', { most: 100 }), def('company.legal_name', 'line', '', { most: 150 }), def('company.address', 'lines', '', { most: 500, per_branch: true }), def('company.phone', 'phone', '', { per_branch: true }), def('company.email', 'email', '', { per_branch: true }), def('company.website', 'url', ''), def('company.bin', 'digits', '', { most: 13 }), def('company.tin', 'digits', '', { most: 12 }), def('company.licence', 'line', '', { most: 60 }),
    def('branding.color', 'color', '#1f6feb'), def('region.language', 'choice', 'en', { choices: ['en', 'bn'], per_branch: true }), def('region.currency', 'currency', 'BDT'), def('numbering.customer_prefix', 'prefix', 'LM-'), def('numbering.receipt_prefix', 'prefix', 'R-', { per_branch: true }), def('dunning.grace_days', 'integer', 3, { least: 0, most: 60, unit: 'days', per_branch: true }),
  ];
  const kept = new Map();
  const keep = (owner, key, value, ago) => kept.set(`${owner}/${key}`, { value, at: iso(start - ago) });
  if (!empty) {
    const text = huge ? ' and its subsidiaries in Gazipur, Narayanganj and Keraniganj' : '';
    keep('', 'company.name', `Dhaka Fiber${text}`, 200 * DAY); keep('', 'company.legal_name', `Dhaka Fiber Communications Ltd.${text}`, 200 * DAY); keep('', 'company.address', 'House 14, Road 7, Block C\nMirpur 10, Dhaka 1216', 200 * DAY); keep('', 'company.phone', '+8809612345678', 90 * DAY); keep('', 'company.bin', '0001234567890', 200 * DAY); keep('', 'dunning.grace_days', 7, 20 * DAY);
    if (branches[1]) { keep(branches[1].id, 'dunning.grace_days', 10, 12 * DAY); keep(branches[1].id, 'company.phone', '+8801712846093', 12 * DAY); keep(branches[2].id, 'dunning.grace_days', 5, 3 * DAY); }
  }
  const settings = (branch) => ({ sections: ['company', 'branding', 'region', 'numbering', 'dunning'].map((name) => ({ name, settings: REGISTRY.filter((s) => s.section === name).map(({ section: _, default: fallback, ...s }) => {
    const all = kept.get(`/${s.key}`), own = branch ? (s.per_branch ? kept.get(`${branch}/${s.key}`) : undefined) : all;
    const inherited = branch ? (all?.value ?? fallback) : fallback;
    return { ...s, inherited, value: own?.value ?? inherited, own: own !== undefined, changed_at: own?.at ?? null, differs_in: branch ? [] : branches.filter((b) => kept.has(`${b.id}/${s.key}`)).map((b) => b.id) };
  }) })) });
  const wrong = (s, v) => (s.kind === 'digits' && v !== '' && !new RegExp(`^\\d{${s.most}}$`).test(v) ? `must have ${s.most} digits` : s.kind === 'integer' && !(Number.isInteger(v) && v >= s.least && v <= s.most) ? `must be a whole number from ${s.least} to ${s.most}` : s.kind === 'color' && !/^#[0-9a-f]{6}$/i.test(v) ? 'must be a colour such as #1f6feb' : s.kind === 'email' && v !== '' && !/^\S+@\S+\.\S+$/.test(v) ? 'must be an address such as billing@example.net' : null);

  // The record of what happened
  const events = [];
  const record = (ago, kind, by, subject_kind, subject_id, data, more = {}) => events.push({ id: id(), at: iso(start - ago), kind, actor: by === null ? { kind: 'system', id: null, name: 'dunning', from: '' } : { kind: 'staff', id: by.id, name: by.name, from: '103.97.12.44' }, subject_kind, subject_id, branch_id: branches[0].id, customer_id: null, data, sealed: ago > 5 * MIN, erased: false, ...more });
  const flat = (value, at = '') => (value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).flatMap(([k, v]) => Object.entries(flat(v, at ? `${at}.${k}` : k)))) : { [at]: value });
  const entry = (e) => {
    const before = flat(e.data.before ?? {}), after = flat(e.data.after ?? {});
    const changes = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((k) => k && JSON.stringify(before[k] ?? null) !== JSON.stringify(after[k] ?? null)).sort().map((field) => ({ field, before: before[field] ?? null, after: after[field] ?? null }));
    return { ...e, changes };
  };
  if (!empty) {
    const [boss, clerk] = people;
    const c = customers[2] ?? customers[0];
    record(90_000, 'payment.taken', clerk, 'payment', id(), { amount: { minor: 80000, currency: 'BDT' }, method: 'bkash', number: 'R-018843', name: c?.name }, { customer_id: c?.id ?? null });
    record(4 * MIN, 'staff.signed_in', clerk, 'staff', clerk.id, { name: clerk.name });
    record(22 * MIN, 'settings.changed', boss, 'settings', 'all', { before: { 'dunning.grace_days': 5 }, after: { 'dunning.grace_days': 7 } });
    record(51 * MIN, 'customer.changed', clerk, 'customer', c?.id ?? '', { before: { name: c?.name, phone: '+8801712846000', address: 'House 12, Road 7' }, after: { name: c?.name, phone: '+8801712846093', address: 'House 14, Road 7, Block C' } }, { customer_id: c?.id ?? null });
    record(3 * HOUR, 'hold.placed', null, 'hold', id(), { reason: 'nonpayment', number: c?.number }, { customer_id: c?.id ?? null });
    record(5 * HOUR, 'role.changed', boss, 'role', 'cashier', { before: { name: 'Cashier', permissions: ['customers:read', 'payments:take'] }, after: { name: 'Cashier', permissions: ['customers:read', 'customers:write', 'payments:take'] } });
    record(7 * HOUR, 'router.changed', boss, 'router', id(), { before: { name: 'mir-bng-1', host: '10.0.0.1', enforce: false }, after: { name: 'mir-bng-1', host: '10.0.0.1', enforce: true } });
    record(26 * HOUR, 'staff.deactivated', boss, 'staff', people.at(-1).id, { name: 'Habib Das', heir: clerk.name });
    record(28 * HOUR, 'package.changed', boss, 'package', id(), { before: { name: 'Home 40', price: { minor: 75000, currency: 'BDT' } }, after: { name: 'Home 40', price: { minor: 80000, currency: 'BDT' } } });
    record(30 * HOUR, 'audit.exported', people.find((p) => p.role === 'auditor') ?? boss, 'audit', boss.id, { filter: { kind: 'payment.*' } });
    record(50 * HOUR, 'branch.changed', boss, 'branch', branches[0].id, { before: { name: 'Mirpur', days_off: ['fri'] }, after: { name: 'Mirpur', days_off: ['sat', 'fri'] } });
    for (let i = 0; i < (huge ? 900 : 120); i++) { const x = customers[i % Math.max(1, customers.length)]; record((52 + i * 1.7) * HOUR, ['customer.created', 'payment.taken', 'staff.signed_in', 'subscription.changed'][i % 4], i % 4 === 2 ? boss : clerk, ['customer', 'payment', 'staff', 'subscription'][i % 4], i % 4 === 0 ? x.id : id(), i % 4 === 3 ? { before: { package: 'Home 20', down_bps: 20e6 }, after: { package: 'Home 40', down_bps: 40e6 } } : i % 4 === 1 ? { amount: { minor: 80000, currency: 'BDT' }, method: 'cash', number: `R-0${18000 - i}` } : { name: i % 4 === 2 ? boss.name : x.name }, { customer_id: i % 4 === 2 ? null : x.id }); }
  }

  // Messages
  const notices = [], own = new Map(), rules = new Map();
  const channels = { email: empty ? { enabled: false, settings: null, secrets: { password: false }, per_minute: 120, trouble: null } : { enabled: true, settings: EMAIL, secrets: { password: true }, per_minute: 120, trouble: null }, sms: empty ? { enabled: false, settings: null, secrets: {}, per_minute: 300, price: 0, trouble: null } : { enabled: true, settings: { ...PRESETS[0], sender: 'DHAKAFIBER' }, secrets: { api_key: true }, per_minute: 300, price: 35000, trouble: null } };
  const channelJson = (key) => { const c = channels[key]; const names = key === 'email' ? ['password'] : c.settings ? secretNames(c.settings) : []; return { enabled: c.enabled, settings: c.settings, secrets: names.map((name) => ({ name, set: c.secrets[name] === true })), per_minute: c.per_minute, ...(key === 'sms' ? { price_per_1000: { minor: c.price, currency: 'BDT' }, report_path: c.settings?.reports ? '/hooks/sms/5d2c9a' : null } : {}), status: { waiting: notices.filter((n) => n.channel === key && n.state === 'queued').length, trouble: c.trouble, trouble_at: c.trouble ? iso(start - 9 * MIN) : null, paused_until: null }, updated_at: c.settings ? iso(start - 40 * DAY) : null, updated_by: c.settings ? 'Farhana Haque' : null }; };
  const textOf = (template, language, channel) => own.get(`${template}/${language}/${channel}`) ?? { subject: channel === 'email' ? (language === 'en' ? '{company}: a message for you' : '{company}: আপনার জন্য বার্তা') : '', body: TEMPLATES[template].sms[language === 'en' ? 0 : 1], is_default: true, updated_at: null, updated_by: null };
  const templateJson = (name) => { const spec = TEMPLATES[name], rule = rules.get(name); return { template: name, about: spec.about, enabled: rule?.enabled ?? true, switchable: spec.switchable, channels: rule?.channels ?? spec.channels, is_default: !rule, variables: spec.variables, needs: spec.needs, texts: ['en', 'bn'].flatMap((language) => ['email', 'sms'].map((channel) => ({ language, channel, ...textOf(name, language, channel) }))) }; };
  const fill = (name, text) => text.replace(/\{(\w+)\}/g, (all, v) => TEMPLATES[name].variables.find((x) => x.name === v)?.sample ?? all);
  const GSM = /^[\n\r A-Za-z0-9@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!"#¤%&'()*+,\-./:;<=>?¡ÄÖÑÜ§¿äöñüà^{}\\[~\]|€]*$/;
  const measure = (text) => { const gsm = GSM.test(text), units = gsm ? [...text].reduce((n, ch) => n + (/[\^{}\\[~\]|€]/.test(ch) ? 2 : 1), 0) : text.length, one = gsm ? 160 : 70, more = gsm ? 153 : 67, parts = units <= one ? 1 : Math.ceil(units / more); return { alphabet: gsm ? 'gsm7' : 'ucs2', costly: gsm ? [] : [...new Set([...text].filter((ch) => !GSM.test(ch)))], units, parts, left: (parts === 1 ? one : parts * more) - units, cost_of_1000: channels.sms.price ? { minor: channels.sms.price * parts, currency: 'BDT' } : null }; };
  const check = (name, t) => { const errors = [], used = [...t.body.matchAll(/\{(\w+)\}/g)].map((m) => m[1]); for (const v of used) if (!TEMPLATES[name].variables.some((x) => x.name === v)) errors.push({ field: 'body', message: `{${v}} means nothing here` }); if (t.body.trim() === '') errors.push({ field: 'body', message: 'must not be empty' }); else if (TEMPLATES[name].needs.length && !TEMPLATES[name].needs.some((v) => used.includes(v))) errors.push({ field: 'body', message: `${TEMPLATES[name].needs.map((v) => `{${v}}`).join(' or ')} must stand in it` }); if (t.channel === 'email' && t.subject.trim() === '') errors.push({ field: 'subject', message: 'must not be empty' }); return errors; };
  if (!empty) {
    const states = ['delivered', 'sent', 'delivered', 'failed', 'sent', 'queued', 'delivered', 'unknown', 'sent', 'cancelled'];
    for (let i = 0; i < (huge ? 700 : 64); i++) {
      const c = customers[(i * 7 + 2) % customers.length], staff = i % 9 === 4 ? people[i % people.length] : null, template = staff ? 'staff_invitation' : ['payment_receipt', 'expiry_reminder', 'line_held', 'payment_receipt'][i % 4], channel = staff ? 'email' : 'sms', language = /[ঀ-৿]/.test(c.name) || i % 3 === 0 ? 'bn' : 'en', state = states[i % states.length], at = start - (i * 23 + 2) * MIN;
      const t = textOf(template, language, channel), body = TEMPLATES[template].variables.reduce((text, v) => text.replaceAll(`{${v.name}}`, v.secret ? '••••••' : v.name === 'name' ? (staff ?? c).name : v.sample), t.body);
      notices.push({ id: id(), branch_id: branches[0].id, customer_id: staff ? null : c.id, staff_id: staff?.id ?? null, template, language, channel, recipient_name: (staff ?? c).name, address: staff ? staff.email : `+88${c.phone}`, subject: fill(template, t.subject), body, parts: channel === 'sms' ? measure(body).parts : 1, state, reason: { failed: 'refused', unknown: 'unclear', queued: i > 20 ? 'later' : null, cancelled: 'cancelled' }[state] ?? null, detail: state === 'failed' ? 'Invalid MSISDN' : state === 'unknown' ? 'The connection broke after the text was handed over' : null, attempts: state === 'queued' ? (i > 20 ? 2 : 0) : 1, created_at: iso(at), due_at: iso(Math.max(at, start + MIN)), expires_at: iso(at + DAY), sent_at: ['sent', 'delivered'].includes(state) ? iso(at + 2100) : null, ended_at: ['queued'].includes(state) ? null : iso(at + 6400), provider: state === 'queued' || state === 'cancelled' ? null : channel === 'sms' ? 'bulksmsbd' : EMAIL.host, provider_id: ['sent', 'delivered'].includes(state) ? `8812${4410 + i}` : null });
    }
  }
  const noticeJson = (n) => ({ ...n, can_retry: ['failed', 'unknown', 'cancelled'].includes(n.state) && !n.body.includes('••••••'), can_cancel: n.state === 'queued' });

  // Backups
  const backups = [];
  if (!empty) for (let i = 0; i < 9; i++) { const at = start - (i * 24 + 5) * HOUR, failed = i === 3; backups.push({ id: id(), state: failed ? 'failed' : i > 7 ? 'removed' : 'done', queued_at: iso(at), started_at: iso(at + 800), finished_at: iso(at + 41_000), requested_by: i === 2 ? 'Farhana Haque' : null, rows: 1_284_000 - i * 4100, tables: failed ? null : 41, size_bytes: failed || i > 7 ? null : 184_300_000 - i * 512_000, file: failed ? null : `lastmile-${iso(at).slice(0, 10)}T0305.lmb`, error: failed ? 'no space left in the folder' : null }); }

  // Branches in full
  const detail = new Map(branches.map((b, i) => [b.id, { address: ['House 14, Road 7, Block C, Mirpur 10', 'Bazar Road, Savar', 'Sector 7, Uttara'][i % 3], phone: ['+8809612345678', '+8801712846093', ''][i % 3], manager: people[i] ? { id: people[i].id, name: people[i].name } : null, days_off: ['sat', 'fri'], invoice_prefix: b.name.slice(0, 3).toUpperCase(), fiscal_year_month: 7, created_at: iso(start - 900 * DAY), holidays: empty ? [] : [{ day: '2026-12-16', name: 'Victory Day' }, { day: '2027-02-21', name: 'শহীদ দিবস ও আন্তর্জাতিক মাতৃভাষা দিবস' }, { day: '2027-03-26', name: 'Independence Day' }], accounts: empty ? [] : [{ id: id(), kind: 'bank', name: 'BRAC Bank, Mirpur', number: '1501203847561001', note: 'Routing 060262983', active: true }, { id: id(), kind: 'gateway', name: 'bKash merchant', number: '01712846093', note: '', active: true }] }]));
  const officeJson = (b) => { const d = detail.get(b.id); const { holidays: _, accounts: __, ...rest } = d; return { ...b, ...rest, ...count(b.id), staff: people.filter((p) => p.branch_id === b.id && p.status === 'active').length }; };

  // Resellers, and who looks after a customer
  const resellers = empty ? [] : [['Tongi Net Point', branches[0], true], ['Savar Online', branches[1] ?? branches[0], true], ['Old Town Cable', branches[0], false]].map(([name, b, active], i) => ({ id: id(), branch_id: b.id, name, phone: `+88017128460${93 + i}`, active, created_at: iso(start - (300 - i * 40) * DAY) }));
  const resellerJson = (r) => ({ ...r, customers: customers.filter((c) => c.reseller?.id === r.id).length });
  for (let i = 0; i < Math.min(40, customers.length); i++) if (resellers[i % 7]) customers[i].reseller = { id: resellers[i % 7].id, name: resellers[i % 7].name };

  function handle(method, path, q, body, me, only) {
    const m = (verb, pattern) => (verb === method ? new RegExp(`^${pattern.replace(/:\w+/g, '([^/]+)')}$`).exec(path) : null);
    const see = (p) => me.permissions.includes('*') || me.permissions.includes(p);
    const need = (p) => { if (!see(p)) throw new Fault(403, 'forbidden', `This needs ${p}.`); };
    const cut = (rows) => { const limit = Number(q.get('limit') ?? 50), from = Number(q.get('after') ?? 0); return { items: rows.slice(from, from + limit), next: from + limit < rows.length ? String(from + limit) : null }; };
    const patchBranch = (b, d) => {
      if (body.name !== undefined && !body.name.trim()) throw invalid('name', 'must not be empty');
      if (branches.some((x) => x !== b && x.name.toLowerCase() === (body.name ?? '').trim().toLowerCase())) throw new Fault(409, 'branch_exists', 'There is a branch of this name already.', [{ field: 'name', message: 'is taken' }]);
      if (body.time_zone !== undefined) { try { new Intl.DateTimeFormat('en', { timeZone: body.time_zone }); } catch { throw invalid('time_zone', 'there is no such time zone'); } }
      for (const k of ['name', 'time_zone', 'currency']) if (body[k] !== undefined) b[k] = body[k];
      for (const k of ['address', 'phone', 'days_off', 'invoice_prefix', 'fiscal_year_month', 'holidays']) if (body[k] !== undefined && body[k] !== null) d[k] = body[k];
      if (body.manager_id !== undefined) d.manager = body.manager_id === null ? null : (({ id: x, name }) => ({ id: x, name }))(find(people, body.manager_id));
      if (body.accounts) d.accounts = body.accounts.map((a) => ({ note: '', active: true, ...a, id: a.id ?? id() }));
      d.holidays.sort((x, y) => (x.day < y.day ? -1 : 1));
    };
    let x;
    if (m('GET', '/settings')) { need('settings:read'); return settings(q.get('branch_id')); }
    if (m('PATCH', '/settings')) {
      need('settings:write');
      const errors = [], owner = body.branch_id ?? '';
      for (const [key, value] of Object.entries(body.values)) { const s = REGISTRY.find((r) => r.key === key); const message = !s ? 'there is no such setting' : value === null ? null : wrong(s, value); if (message) errors.push({ field: `values.${key}`, message }); }
      if (errors.length) throw new Fault(422, 'invalid', 'Some fields are wrong.', errors);
      for (const [key, value] of Object.entries(body.values)) { if (value === null) kept.delete(`${owner}/${key}`); else kept.set(`${owner}/${key}`, { value, at: iso(Date.now()) }); }
      return settings(body.branch_id ?? null);
    }
    if (m('GET', '/audit') || m('GET', '/audit/export')) {
      need('events:read');
      const kind = q.get('kind');
      const rows = events.filter((e) => (!kind || (kind.endsWith('.*') ? e.kind.startsWith(kind.slice(0, -1)) : e.kind === kind)) && ['actor_kind', 'actor_id', 'subject_kind', 'subject_id', 'customer_id'].every((k) => !q.get(k) || (k === 'actor_kind' ? e.actor.kind : k === 'actor_id' ? e.actor.id : e[k]) === q.get(k)) && (!only || e.branch_id === only) && (!q.get('from') || e.at >= q.get('from')) && (!q.get('until') || e.at < q.get('until'))).sort((a, b) => (a.at < b.at ? 1 : -1));
      return path.endsWith('export') ? rows.map((e) => `${e.id},${e.at},${e.kind}`).join('\r\n') : { ...cut(rows.map(entry)) };
    }
    if (m('GET', '/audit/seal')) return { head: empty ? null : { seal: 4812, mac: '9f2c7a61d0b84e35a1c6f07b2e9d4c8851aa03be77d26f4c90e1b5d3a8c47f12', sealed_at: iso(start - 5 * MIN) }, unsealed: events.filter((e) => !e.sealed).length, unsealed_since: null };
    if (m('GET', '/notices')) {
      need('notices:read');
      const text = (q.get('search') ?? '').toLowerCase();
      const rows = notices.filter((n) => ['state', 'channel', 'template', 'customer_id', 'staff_id'].every((k) => !q.get(k) || n[k] === q.get(k)) && (!text || n.recipient_name.toLowerCase().includes(text) || n.address.includes(text)));
      return { ...cut(rows.map(noticeJson)), counts: [...new Set(notices.map((n) => n.state))].map((state) => ({ state, messages: notices.filter((n) => n.state === state).length, parts: notices.filter((n) => n.state === state).reduce((s, n) => s + n.parts, 0) })) };
    }
    if ((x = m('GET', '/notices/:id'))) return noticeJson(find(notices, x[1]));
    if ((x = m('POST', '/notices/:id/(retry|cancel)'))) { const n = find(notices, x[1]); Object.assign(n, x[2] === 'retry' ? { state: 'queued', reason: null, detail: null, attempts: 0, due_at: iso(Date.now()), ended_at: null } : { state: 'cancelled', reason: 'cancelled', ended_at: iso(Date.now()) }); if (x[2] === 'retry') setTimeout(() => { Object.assign(n, { state: 'sent', sent_at: iso(Date.now()), attempts: 1, provider: 'bulksmsbd', provider_id: '88129911' }); changed('notice', n.id); }, 2500); return noticeJson(n); }
    if (m('GET', '/notice-templates')) return { items: Object.keys(TEMPLATES).map(templateJson), next: null };
    if ((x = m('PUT', '/notice-templates/:name'))) {
      if (!TEMPLATES[x[1]]) throw missing();
      const errors = (body.texts ?? []).flatMap((t, i) => check(x[1], t).map((e) => ({ field: `texts[${i}].${e.field}`, message: e.message })));
      if (errors.length) throw new Fault(422, 'invalid', 'Some fields are wrong.', errors);
      for (const t of body.texts ?? []) own.set(`${x[1]}/${t.language}/${t.channel}`, { subject: t.subject ?? '', body: t.body, is_default: false, updated_at: iso(Date.now()), updated_by: me.name });
      if (body.enabled !== undefined || body.channels !== undefined) { const now = templateJson(x[1]); rules.set(x[1], { enabled: body.enabled ?? now.enabled, channels: body.channels ?? now.channels }); }
      return templateJson(x[1]);
    }
    if ((x = m('POST', '/notice-templates/:name/preview'))) { const filled = fill(x[1], body.body); return { subject: fill(x[1], body.subject ?? ''), body: filled, errors: check(x[1], body), sms: body.channel === 'sms' ? measure(filled) : null }; }
    if ((x = m('POST', '/notice-templates/:name/reset'))) { for (const l of ['en', 'bn']) for (const c of ['email', 'sms']) if ((!body.language || body.language === l) && (!body.channel || body.channel === c)) own.delete(`${x[1]}/${l}/${c}`); if (!body.language && !body.channel) rules.delete(x[1]); return templateJson(x[1]); }
    if (m('GET', '/notice-channels')) return { email: channelJson('email'), sms: channelJson('sms'), sms_presets: PRESETS };
    if ((x = m('PUT', '/notice-channels/(email|sms)'))) {
      const c = channels[x[1]], errors = [];
      if (!(body.per_minute >= 1)) errors.push({ field: 'per_minute', message: 'must be 1 to 60000' });
      if (x[1] === 'email') { if (!body.settings.host.trim()) errors.push({ field: 'settings.host', message: 'must not be empty' }); if (!/^\S+@\S+\.\S+$/.test(body.settings.from_address)) errors.push({ field: 'settings.from_address', message: 'is not an e-mail address' }); } else if (!/^https:/.test(body.settings.url) && !/127\.0\.0\.1/.test(body.settings.url)) errors.push({ field: 'settings.url', message: 'must begin with https://' });
      if (errors.length) throw new Fault(422, 'invalid', 'Some fields are wrong.', errors);
      Object.assign(c, { enabled: body.enabled, settings: body.settings, per_minute: body.per_minute });
      if (body.price_per_1000) c.price = body.price_per_1000.minor;
      const secrets = x[1] === 'email' ? (body.password === undefined ? {} : { password: body.password }) : (body.secrets ?? {});
      for (const [name, value] of Object.entries(secrets)) c.secrets[name] = value !== '';
      return channelJson(x[1]);
    }
    if ((x = m('POST', '/notice-channels/(email|sms)/test'))) { if (!body.to?.trim()) throw invalid('to', 'must not be empty'); if (!channels[x[1]].settings) throw conflict('not_set_up', 'This way is not set up.'); return body.to.includes('9999') ? { outcome: 'refused', detail: 'Invalid MSISDN', provider_id: null } : { outcome: 'accepted', detail: 'SMS Submitted Successfully', provider_id: '88124471' }; }
    if (m('GET', '/backups')) { need('backups:read'); return { ...cut(backups), plan: { every_hours: 24, keep: 14, keep_months: 6, folder: '/var/lib/lastmile/backups', key_id: 'k1-9f2c7a61', next_at: iso(start + 19 * HOUR) } }; }
    if (m('POST', '/backups')) { if (backups.some((b) => b.state === 'running')) throw conflict('backup_running', 'One is being made.'); const b = { id: id(), state: 'running', queued_at: iso(Date.now()), started_at: iso(Date.now()), finished_at: null, requested_by: me.name, rows: 0, tables: null, size_bytes: null, file: null, error: null }; backups.unshift(b); const timer = setInterval(() => { b.rows += 161_000; if (b.rows >= 1_284_000) { clearInterval(timer); Object.assign(b, { state: 'done', finished_at: iso(Date.now()), tables: 41, size_bytes: 184_300_000, file: `lastmile-${b.queued_at.slice(0, 16).replace(':', '')}.lmb` }); } }, 400); return b; }
    if ((x = m('GET', '/backups/:id/file'))) return find(backups, x[1]).file;
    if (m('GET', '/branches')) return { items: branches.map(officeJson), next: null };
    if (m('POST', '/branches')) { const b = { id: id(), name: '', time_zone: 'Asia/Dhaka', currency: 'BDT' }; const d = { address: '', phone: '', manager: null, days_off: ['sat', 'fri'], invoice_prefix: '', fiscal_year_month: 7, created_at: iso(Date.now()), holidays: [], accounts: [] }; if (!body.name?.trim()) throw invalid('name', 'must not be empty'); patchBranch(b, d); detail.set(b.id, d); branches.push(b); return { ...officeJson(b), ...d }; }
    if ((x = m('GET', '/branches/:id'))) { const b = find(branches, x[1]); return { ...officeJson(b), ...detail.get(b.id) }; }
    if ((x = m('PATCH', '/branches/:id'))) { const b = find(branches, x[1]), d = detail.get(b.id); patchBranch(b, d); return { ...officeJson(b), ...d }; }
    if ((x = m('DELETE', '/branches/:id'))) { const b = find(branches, x[1]), c = count(b.id); if (c.customers + c.pops > 0) throw conflict('branch_in_use', `There are still ${c.customers} customers, ${c.pops} POPs and ${c.routers} routers in ${b.name}. Move them first.`); branches.splice(branches.indexOf(b), 1); return null; }
    if (m('GET', '/resellers')) return { items: resellers.filter((r) => !only || r.branch_id === only).map(resellerJson), next: null };
    if (m('POST', '/resellers')) { if (resellers.some((r) => r.name === body.name)) throw conflict('reseller_exists', 'There is a reseller of this name already.'); const r = { id: id(), branch_id: body.branch_id ?? branches[0].id, name: body.name, phone: body.phone, active: true, created_at: iso(Date.now()) }; resellers.push(r); return resellerJson(r); }
    if ((x = m('PATCH', '/resellers/:id'))) return resellerJson(Object.assign(find(resellers, x[1]), body));
    if ((x = m('POST', '/customers/:id/assignments'))) { const c = find(customers, x[1]), p = find(people, body.staff_id); c.assigned_to = [...(c.assigned_to ?? []).filter((a) => a.id !== p.id), { id: p.id, name: p.name }]; return c; }
    if ((x = m('DELETE', '/customers/:id/assignments'))) { const c = find(customers, x[1]); c.assigned_to = (c.assigned_to ?? []).filter((a) => a.id !== q.get('staff_id')); return c; }
    if ((x = m('PUT', '/customers/:id/reseller'))) { const c = find(customers, x[1]), r = find(resellers, body.reseller_id); c.reseller = { id: r.id, name: r.name }; return c; }
    if ((x = m('DELETE', '/customers/:id/reseller'))) { const c = find(customers, x[1]); c.reseller = null; return c; }
    if ((x = m('GET', '/customers/:id/move'))) { const c = find(customers, x[1]), to = find(branches, q.get('branch_id')); return { from: { id: branches[0].id, name: branches[0].name }, to: { id: to.id, name: to.name }, credit: c.credit, subscriptions: linesOf(c).map((s) => ({ id: s.id, number: s.number, package: s.package.name, package_id: s.package.id, router_id: s.router.id })), loses: { reseller: c.reseller ?? null, assigned_to: c.assigned_to ?? [] }, blocked: to.id === branches[2]?.id ? 'no_package' : null }; }
    if ((x = m('POST', '/customers/:id/move'))) { const c = find(customers, x[1]); c.branch_id = body.branch_id; c.reseller = null; c.assigned_to = []; return null; }
    return undefined;
  }
  return { handle, events, record };
}
