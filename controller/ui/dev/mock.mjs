// A stand-in for the controller while pages are being built: the REST routes and the event stream that the console
// uses, with the data of an invented ISP, kept in memory. It also serves dist/ with the real content security
// policy. For developers only; nothing of it is shipped.
//   node dev/mock.mjs [--port 8099] [--customers 2340] [--empty] [--huge] [--setup]
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { access } from './mock-access.mjs';
import { office } from './mock-office.mjs';

const arg = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback);
};
const flag = (name) => process.argv.includes(`--${name}`);
const PORT = Number(arg('port', '8099'));
const EMPTY = flag('empty');
const HUGE = flag('huge');
const COUNT = EMPTY ? 0 : Number(arg('customers', '2340'));
const DIST = join(fileURLToPath(new URL('.', import.meta.url)), '..', 'dist');

let seed = 42;
const rnd = () => ((seed = (seed * 1664525 + 1013904223) >>> 0) / 2 ** 32);
const pick = (list) => list[Math.floor(rnd() * list.length)];
const id = () => '01' + randomBytes(12).toString('hex').toUpperCase();
const iso = (ms) => new Date(ms).toISOString();
const MIN = 60_000, HOUR = 60 * MIN, DAY = 24 * HOUR;
const start = Date.now();
const taka = (n) => ({ minor: n * 100, currency: 'BDT' });

const branch = { id: id(), name: 'Mirpur', time_zone: 'Asia/Dhaka', currency: 'BDT' };
const branches = [branch, ...(EMPTY || flag('setup') ? [] : ['Savar', 'Uttara'].map((name) => ({ ...branch, id: id(), name })))];
/** The branch of an area's, so that the switch has something to show. */
const branchOf = (area) => (branches[{ Savar: 1, 'Uttara 7': 2 }[area?.name] ?? 0] ?? branch).id;
const areas = [], packages = [], customers = [], subs = [], payments = [], pops = [], routers = [], agents = [], invites = [];
const brakes = [], idem = new Map(), timeline = new Map(), rings = new Map();
let freeze = { frozen: false, cause: null, detail: null, off_by_ms: null, since: null };

const long = 'Md. Abdullah Al Mahmudur Rahman Chowdhury Bhuiyan Sarker Talukder (House of the Late Alhaj Golam Mostafa)';
function area(name, parent) {
  const a = { id: id(), name, parent_id: parent?.id ?? null, branch_id: branch.id };
  areas.push(a);
  return a;
}
function pkg(name, price, mbps, value, unit, grace, active = true) {
  const p = { id: id(), name, price: taka(price), down_bps: mbps * 1e6, up_bps: mbps * 1e6, validity_value: value, validity_unit: unit, grace_days: grace, active, branch_id: branch.id };
  packages.push(p);
  return p;
}
function router(pop, name, more) {
  const r = { id: id(), pop_id: pop.id, name, kind: 'routeros', host: '10.0.0.1', port: 8728, username: 'lastmile', line_rate_bps: 1e10, enforce: true, poll_seconds: 60, state: 'ok', detail: null, identity: name, board: 'CCR2116', version: '7.16.1', cpu_percent: 23, uptime_seconds: 2_140_000, poll_took_ms: 412, online: 0, foreign: 0, down_bps: 0, up_bps: 0, ...more };
  routers.push(r);
  return r;
}
function pop(name, state) {
  const p = { id: id(), name, branch_id: branch.id, state, frozen: null };
  pops.push(p);
  return p;
}

if (!EMPTY) {
  const mirpur = area('Mirpur');
  const m10 = area('Mirpur 10', mirpur), m12 = area('Mirpur 12', mirpur);
  const others = ['Uttara 7', 'Savar', 'Tongi', 'Dhanmondi', 'Banasree', 'Keraniganj', 'Mohammadpur'].map((n) => area(n));
  if (HUGE) for (let i = 0; i < 300; i++) area(`${pick(['Ward', 'Block', 'Sector'])} ${i + 1}, ${pick(['Gazipur Sadar', 'Narayanganj', 'Kamrangirchar'])}`);
  pkg('Home 20', 500, 20, 1, 'month', null); pkg('Home 40', 800, 40, 1, 'month', 3); pkg('Family 100', 1500, 100, 1, 'month', 3);
  pkg('Biz 50', 2500, 50, 1, 'month', 7); pkg('Demo, one minute', 10, 20, 1, 'minute', 0); pkg('Student 10', 300, 10, 1, 'month', 0, false);
  if (HUGE) for (let i = 0; i < 60; i++) pkg(`Corporate dedicated with very long name number ${i + 1}`, 98_76_543, 940, 12, 'month', 30);
  const savar = pop('Savar', 'no_contact'), tongi = pop('Tongi', 'catching_up'), mir = pop('Mirpur', 'healthy'), utt = pop('Uttara', 'healthy'), demo = pop('Demonstration', 'healthy');
  router(savar, 'sav-bng-1', { state: 'unknown', cpu_percent: null });
  router(tongi, 'ton-bng-1', { state: 'slow', detail: 'Polling slowed to 120 s while the processor is above 85 %', board: 'CCR2004', version: '7.15.3', cpu_percent: 91 });
  router(tongi, 'ton-bng-2', { state: 'unreachable', detail: 'No answer on 10.0.0.2:8728 since 15:58, tried every 30 s', board: null, version: null, cpu_percent: null });
  router(mir, 'mir-bng-1', { foreign: 3 }); router(mir, 'mir-bng-2', {}); router(utt, 'utt-bng-1', { board: 'CCR2216', cpu_percent: 41 });
  router(demo, 'demo-bng-1', { board: 'CHR', version: '7.16.2', host: '127.0.0.1' }); router(demo, 'edge-linux-1', { kind: 'linux', board: 'Debian 13', version: '6.12', host: '127.0.0.1' });
  if (HUGE) for (let i = 0; i < 60; i++) { const p = pop(`Gazipur Union Parishad Community Network Exchange ${i + 1}`, i % 9 === 0 ? 'trouble' : 'healthy'); for (let k = 0; k < 4; k++) router(p, `gzp-bng-${i}-${k}`, {}); }
  for (const p of pops) agents.push({ id: id(), pop_id: p.id, name: `agent-${p.name.toLowerCase().slice(0, 12)}`, version: '0.1.0', revoked_at: null });

  const first = ['Mahmudul', 'Habib', 'Md. Rafiqul', 'Rokeya', 'Anika', 'Imran', 'Mitu', 'Nasrin', 'Abdul', 'Sumaiya', 'Shahin', 'Farzana', 'Tanvir', 'Nusrat', 'Kamrul', 'জান্নাতুল', 'আব্দুর'];
  const last = ['Islam', 'Das', 'Begum', 'Jahan', 'Akter', 'Khatun', 'Ahmed', 'Rahman', 'Hasan', 'Mia', 'Alam', 'Haque', 'ফেরদৌস', 'রহমান'];
  for (let i = 0; i < COUNT; i++) {
    const f = pick(first), l = /[ঀ-৿]/.test(f) ? pick(last.slice(12)) : pick(last.slice(0, 12));
    const c = { id: id(), number: `LM-${100001 + i}`, name: HUGE && i % 3 === 0 ? long : `${f} ${l}`, phone: `01${5 + Math.floor(rnd() * 5)}${String(Math.floor(rnd() * 1e8)).padStart(8, '0')}`, area: rnd() < 0.3 ? m10 : rnd() < 0.3 ? m12 : pick(others), address: 'House 14, Road 7, Block C', notes: '', branch_id: branch.id, credit: taka(rnd() < 0.06 ? Math.floor(rnd() * 900) : HUGE ? 9_87_65_432 : 0), created_at: iso(start - rnd() * 900 * DAY) };
    customers.push(c);
    if (rnd() < 0.04) continue;
    const p = pick(packages.slice(0, 4));
    const roll = rnd(), off = roll < 0.86 ? rnd() * 28 * DAY : roll < 0.9 ? -rnd() * 2 * DAY : -(3 + rnd() * 30) * DAY;
    const s = makeSub(c, p, pick(routers.slice(0, 6)), { kind: 'pppoe', username: `${(/[ঀ-৿]/.test(f) ? 'user' : f.replace(/\W/g, '')).toLowerCase()}.m${i}` }, start + off, true);
    if (roll >= 0.9 || i === 2) hold(s, i === 7 ? 'staff' : 'nonpayment', roll >= 0.9 ? 'Paid until passed, grace used up' : '', 'Dunning', true, start - 7 * HOUR);
    if (i === 5) Object.assign(s.line, { state: 'failed', reason: 'A secret of this name is there already and does not carry our mark.', steps: { ...s.line.steps, verified_at: null, failed_at: iso(Date.parse(s.line.steps.queued_at) + 2500) } });
    if (i === 8) { s.pending = true; Object.assign(s.line, { state: 'queued', agent_away: true, steps: { queued_at: iso(start - 90_000), sent_at: null, applied_at: null, verified_at: null, failed_at: null } }); }
  }
  const show = customers[2];
  Object.assign(show, { name: 'Md. Rafiqul Islam', phone: '01712846093', address: 'House 14, Road 7, Block C, Mirpur 10', area: m10, number: 'LM-104217' });
  for (let k = 1; k <= 4; k++) event(show.id, start - k * 30 * DAY, 'payment.taken', { amount: taka(800), method: 'cash', number: `MIR-R-01${8842 - k * 311}` }, 'Farhana Haque');
  event(show.id, start - 7 * HOUR, 'hold.placed', { reason: 'nonpayment' }, 'Dunning');
  event(show.id, start - 200 * DAY, 'customer.created', {}, 'Nusrat Jahan');
  for (let k = 1; k <= 4; k++) payments.push({ id: id(), customer_id: show.id, number: `MIR-R-01${8842 - k * 311}`, amount: taka(800), method: 'cash', note: '', taken_by: 'Farhana Haque', at: iso(start - k * 30 * DAY), subscription_id: subs.find((s) => s.customer_id === show.id)?.id });
  brakes.push({ id: id(), branch_id: branch.id, created_at: iso(start - 12 * MIN), wanted: 1284, listed: 1284, done: 0, limit: 96, active_lines: 1920, held_before: 11, state: 'asking', decided_at: null, decided_by: null, reason: null });
}

function event(customer, at, kind, data, actor) {
  const list = timeline.get(customer) ?? [];
  list.push({ at: iso(at), kind, title_key: `event.${kind}`, data, actor });
  timeline.set(customer, list);
}
function wanted(s) {
  const p = s.package, rate = `${p.up_bps / 1e6}M/${p.down_bps / 1e6}M`;
  return { secret: s.line.open ? 'enabled' : 'disabled', profile: `lm-${p.name.toLowerCase().replace(/\W+/g, '-')}`, rate, session: s.line.open ? 'allowed' : 'none' };
}
function observe(s, at) {
  const w = wanted(s);
  return { present: true, closed: !s.line.open, profile: w.profile, rate: w.rate, sessions: s.line.open ? [{ address: '10.64.18.77', mac: '64:D1:54:0A:7C:E2', uptime_seconds: Math.max(3, Math.floor((Date.now() - at) / 1000)) }] : [], read_at: iso(Date.now() - 4000) };
}
function makeSub(c, p, r, access, paidUntil, settled) {
  const s = { id: id(), number: `L-${c.number}`, customer_id: c.id, package: p, router: r, access, paid_until: paidUntil === null ? null : iso(paidUntil), holds: [], proofs: [], ended: false, line: { open: true, generation: 48_000 + subs.length } };
  subs.push(s);
  if (settled) settle(s, start - (2 + rnd() * 20) * HOUR); else drive(s);
  return s;
}
function settle(s, at) {
  s.line = { ...s.line, state: 'verified', reason: null, agent_away: false, steps: { queued_at: iso(at), sent_at: iso(at + 40), applied_at: iso(at + 1120), verified_at: iso(at + 1800), failed_at: null } };
  s.proofs.push({ at: iso(at + 1800), outcome: 'verified', open: s.line.open, reason: null, at_ms: at, generation: `1·${s.line.generation}` });
}
function drive(s) {
  const at = Date.now();
  s.line.generation += 1;
  s.line = { ...s.line, state: 'queued', reason: null, agent_away: false, steps: { queued_at: iso(at), sent_at: null, applied_at: null, verified_at: null, failed_at: null } };
  changed('subscription', s.id);
  const gen = s.line.generation;
  const step = (ms, fn) => setTimeout(() => { if (s.line.generation === gen) { fn(); changed('subscription', s.id); } }, ms);
  step(300, () => { s.line.state = 'sent'; s.line.steps.sent_at = iso(Date.now()); });
  step(1400, () => { s.line.state = 'applied'; s.line.steps.applied_at = iso(Date.now()); });
  step(2600, () => {
    s.line.state = 'verified'; s.line.steps.verified_at = iso(Date.now()); s.since = Date.now();
    s.proofs.push({ at: iso(Date.now()), outcome: 'verified', open: s.line.open, reason: null, generation: `1·${gen}` });
  });
}
function hold(s, reason, note, by, settled, at = Date.now()) {
  s.holds.push({ id: id(), reason, note, placed_by: by, placed_at: iso(at) });
  s.line.open = false;
  if (settled) { s.proofs = s.proofs.filter((p) => p.at_ms < at); settle(s, at); } else { event(s.customer_id, at, 'hold.placed', { reason, note }, by); drive(s); }
}
function release(s, h, by, note) {
  s.holds = s.holds.filter((x) => x !== h);
  event(s.customer_id, Date.now(), 'hold.cleared', { reason: h.reason, note }, by);
  if (s.holds.length === 0) { s.line.open = true; drive(s); } else changed('subscription', s.id);
}
const UNIT = { minute: MIN, day: DAY, month: 30 * DAY };
const validity = (p) => p.validity_value * UNIT[p.validity_unit];
const grace = (s) => (s.package.grace_days ?? 3) * DAY;
function state(s) {
  if (s.ended) return 'ended';
  if (s.holds.length > 0) return 'held';
  if (s.paid_until === null) return 'active';
  const left = Date.parse(s.paid_until) - Date.now();
  return left > 0 ? 'active' : left + grace(s) > 0 ? 'grace' : 'expired';
}
setInterval(() => {
  for (const s of subs) if (s.package.validity_unit === 'minute' && !s.ended && s.holds.length === 0 && state(s) === 'expired') hold(s, 'nonpayment', 'Paid until passed', 'Dunning', false);
}, 2000);
function rate(s) {
  const up = s.line.open && s.line.state === 'verified' && !['no_contact', 'never'].includes(popOf(s).state);
  if (!up) return { online: false, down_bps: 0, up_bps: 0 };
  const wave = 0.45 + 0.35 * Math.sin(Date.now() / 31000 + s.line.generation) + 0.2 * Math.random();
  return { online: true, down_bps: Math.round(s.package.down_bps * Math.max(0.02, wave) * 0.95), up_bps: Math.round(s.package.up_bps * 0.08 * Math.max(0.1, wave)) };
}
const popOf = (s) => pops.find((p) => p.id === s.router.pop_id);
function subJson(s) {
  const p = popOf(s), away = ['no_contact', 'never'].includes(p.state), w = wanted(s);
  return { id: s.id, number: s.number, customer_id: s.customer_id, package: s.package, router: { id: s.router.id, name: s.router.name, kind: s.router.kind }, pop: { id: p.id, name: p.name }, access: s.access, paid_until: s.paid_until, grace_until: s.paid_until === null ? null : iso(Date.parse(s.paid_until) + grace(s)), state: state(s), holds: s.holds, line: { ...s.line, generation: `1·${s.line.generation}`, wanted: w, observed: s.line.steps.verified_at ? observe(s, Date.parse(s.line.steps.verified_at)) : null, agent_away: away || s.pending === true }, live: away ? null : { ...rate(s), at: iso(Date.now()) } };
}
function rowJson(c) {
  const s = subs.find((x) => x.customer_id === c.id && !x.ended);
  const r = s ? rate(s) : null, unknown = s && ['no_contact', 'never'].includes(popOf(s).state);
  return { id: c.id, number: c.number, name: c.name, phone: c.phone, area: c.area ? { id: c.area.id, name: c.area.name } : null, credit: c.credit, subscription: s ? { id: s.id, package_name: s.package.name, username: s.access.username ?? s.access.address, paid_until: s.paid_until, state: state(s), line_state: s.line.state, open: s.line.open, online: unknown ? null : r.online, down_bps: unknown ? null : r.down_bps, up_bps: unknown ? null : r.up_bps } : null };
}
function popJson(p) {
  const mine = subs.filter((s) => s.router.pop_id === p.id && !s.ended), unknown = ['no_contact', 'never'].includes(p.state);
  const rs = routers.filter((r) => r.pop_id === p.id);
  const live = unknown ? [] : mine.map(rate);
  const contact = p.state === 'never' ? null : p.state === 'no_contact' ? iso(start - 42 * MIN) : iso(Date.now() - 2000);
  return { id: p.id, name: p.name, branch_id: p.branch_id, state: p.state, last_contact_at: contact, agents: agents.filter((a) => a.pop_id === p.id).map((a) => ({ id: a.id, name: a.name, version: a.version, state: a.revoked_at ? 'revoked' : unknown ? 'no_contact' : p.state, connected: !unknown && !a.revoked_at, last_contact_at: contact, revoked_at: a.revoked_at })), spool: unknown ? null : { chunks: 38, records: p.state === 'catching_up' ? 42118 : 38, oldest_at: iso(Date.now() - (p.state === 'catching_up' ? 12 * MIN : 3000)), bytes: p.state === 'catching_up' ? 1.9e8 : 120000, cap_bytes: 1e9, dropped: 0 }, online: unknown ? null : live.filter((r) => r.online).length, held: mine.filter((s) => s.holds.length > 0).length, lines: mine.length, verified: mine.filter((s) => s.line.state === 'verified').length, down_bps: unknown ? null : live.reduce((n, r) => n + r.down_bps, 0), up_bps: unknown ? null : live.reduce((n, r) => n + r.up_bps, 0), frozen: p.frozen, routers: rs.map((r) => ({ ...r, online: unknown || r.state === 'unreachable' ? null : subs.filter((s) => s.router === r && s.line.open).length, last_poll_at: unknown ? iso(start - 43 * MIN) : r.state === 'unreachable' ? iso(start - 14 * MIN) : iso(Date.now() - 9000) })) };
}

// ---- server -------------------------------------------------------------------------------------------------
const streams = new Set();
function send(stream, name, data) {
  stream.res.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}
function changed(kind, theId) {
  for (const s of streams) send(s, 'changed', { kind, id: theId });
}
setInterval(() => {
  for (const s of streams) for (const w of s.watch) {
    const sub = subs.find((x) => x.id === w);
    if (sub && !['no_contact', 'never'].includes(popOf(sub).state)) send(s, 'rate', { subscription_id: w, at: iso(Date.now()), ...rate(sub) });
  }
}, 2000);
setInterval(() => { for (const s of streams) s.res.write(': keep-alive\n\n'); }, 15000);
setInterval(() => { for (const s of streams) if (pops[0]) send(s, 'network', { pop_id: pops[0].id }); }, 5000);

class Fault extends Error {
  constructor(status, title, detail, errors) { super(detail); Object.assign(this, { status, title, detail, errors }); }
}
const missing = () => new Fault(404, 'Not found', 'There is no such record.');
const invalid = (field, message) => new Fault(422, 'Some fields need a correction', 'Some fields need a correction.', [{ field, message }]);
const paged = (list, q) => {
  const limit = Number(q.get('limit') ?? 50), from = Number(q.get('after') ?? 0);
  return { items: list.slice(from, from + limit), next: from + limit < list.length ? String(from + limit) : null, total: list.length };
};
const find = (list, theId) => list.find((x) => x.id === theId) ?? (() => { throw missing(); })();
const listState = { active: (r) => r.subscription && ['active', 'grace'].includes(r.subscription.state), held: (r) => r.subscription?.state === 'held', expired: (r) => r.subscription && ['grace', 'expired'].includes(r.subscription.state), failed: (r) => r.subscription?.line_state === 'failed', no_line: (r) => !r.subscription, all: () => true };
function quote(s, minor) {
  const credit = find(customers, s.customer_id).credit.minor + minor, n = Math.floor(credit / s.package.price.minor);
  const base = Math.max(Date.now(), s.paid_until ? Date.parse(s.paid_until) : 0);
  const until = n > 0 ? base + n * validity(s.package) : s.paid_until ? Date.parse(s.paid_until) : null;
  const other = s.holds.find((h) => h.reason !== 'nonpayment');
  return { paid_until: until === null ? null : iso(until), credit_after: { minor: credit - n * s.package.price.minor, currency: 'BDT' }, opens: s.holds.length > 0 && !other && n > 0, reason: other ? 'staff hold stays' : null, validities: n };
}
function handle(method, path, q, body, me, headers) {
  const only = method === 'GET' ? headers['lastmile-branch'] : undefined;
  if (only !== undefined && !branches.some((b) => b.id === only)) throw missing();
  const m = (verb, pattern) => method === verb && path.match(new RegExp(`^${pattern.replace(/:\w+/g, '([^/]+)')}$`));
  let x;
  if (m('POST', '/logout')) return null;
  if (m('GET', '/areas')) return { items: areas.map((a) => ({ ...a, customers: customers.filter((c) => c.area === a).length })), next: null, total: areas.length };
  if (m('POST', '/areas')) { if (!body.name) throw invalid('name', 'Give the area a name.'); return area(body.name, areas.find((a) => a.id === body.parent_id)); }
  if ((x = m('PATCH', '/areas/:id'))) return Object.assign(find(areas, x[1]), body);
  if ((x = m('DELETE', '/areas/:id'))) { const a = find(areas, x[1]); const n = customers.filter((c) => c.area === a).length; if (n) throw new Fault(409, 'area_in_use', `${n} customers live in ${a.name}. Move them to another area first.`); areas.splice(areas.indexOf(a), 1); return null; }
  if (m('GET', '/packages')) return { items: packages.map((p) => ({ ...p, subscriptions: subs.filter((s) => s.package === p).length })), next: null, total: packages.length };
  if (m('POST', '/packages')) { if (!body.name) throw invalid('name', 'Give the package a name.'); const p = { id: id(), active: true, ...body }; packages.push(p); return p; }
  if ((x = m('PATCH', '/packages/:id'))) return Object.assign(find(packages, x[1]), body);
  if ((x = m('DELETE', '/packages/:id'))) { const p = find(packages, x[1]); if (subs.some((s) => s.package === p)) throw new Fault(409, 'package_in_use', `Lines are sold with ${p.name}. Switch it off instead: nobody new gets it.`); packages.splice(packages.indexOf(p), 1); return null; }
  if (m('GET', '/customers')) {
    let rows = customers.filter((c) => !only || branchOf(c.area) === only).map(rowJson);
    const text = (q.get('q') ?? '').toLowerCase();
    if (text) rows = rows.filter((r) => [r.name, r.number, r.phone, r.subscription?.username].some((v) => v?.toLowerCase().includes(text)));
    if (q.get('area_id')) rows = rows.filter((r) => r.area?.id === q.get('area_id'));
    if (q.get('package_id')) rows = rows.filter((r) => r.subscription?.package_name === packages.find((p) => p.id === q.get('package_id'))?.name);
    const counts = Object.fromEntries(Object.entries(listState).map(([k, f]) => [k, rows.filter(f).length]));
    rows = rows.filter(listState[q.get('state') ?? 'all'] ?? listState.all);
    const sort = q.get('sort') ?? 'number', down = sort.startsWith('-'), key = sort.replace('-', '');
    const by = { name: (r) => r.name, number: (r) => r.number, paid_until: (r) => r.subscription?.paid_until ?? '', credit: (r) => r.credit.minor }[key] ?? ((r) => r.number);
    rows.sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0) * (down ? -1 : 1));
    return { ...paged(rows, q), counts };
  }
  if (m('POST', '/customers')) { if (!body.name?.trim()) throw invalid('name', 'A customer needs a name.'); if (!/^(\+?880|0)1\d{9}$/.test((body.phone ?? '').replace(/\s/g, ''))) throw invalid('phone', 'This is not a mobile number of Bangladesh: 01 and nine digits.'); const c = { id: id(), number: `LM-${String(100001 + customers.length).padStart(6, '0')}`, ...body, area: areas.find((a) => a.id === body.area_id) ?? null, credit: taka(0), created_at: iso(Date.now()) }; customers.unshift(c); event(c.id, Date.now(), 'customer.created', {}, me.name); changed('customer', c.id); return c; }
  if ((x = m('GET', '/customers/:id'))) return find(customers, x[1]);
  if ((x = m('PATCH', '/customers/:id'))) { const c = find(customers, x[1]); Object.assign(c, body, { area: body.area_id === undefined ? c.area : (areas.find((a) => a.id === body.area_id) ?? null) }); event(c.id, Date.now(), 'customer.changed', {}, me.name); changed('customer', c.id); return c; }
  if ((x = m('GET', '/customers/:id/timeline'))) return { items: [...(timeline.get(x[1]) ?? [])].sort((a, b) => (a.at < b.at ? 1 : -1)), next: null };
  if (m('GET', '/subscriptions')) return { items: subs.filter((s) => s.customer_id === q.get('customer_id')).map(subJson), next: null, total: 0 };
  if (m('POST', '/subscriptions')) { const p = find(packages, body.package_id); if (subs.some((s) => !s.ended && s.access.username && s.access.username === body.access.username)) throw new Fault(409, 'username_taken', 'Another line of this POP signs in with this name.', [{ field: 'username', message: 'Another line of this POP signs in with this name.' }]); const { password: _, ...access } = body.access; const s = makeSub(find(customers, body.customer_id), p, find(routers, body.router_id), access, body.paid_until ? Date.parse(body.paid_until) : Date.now() + validity(p), false); event(s.customer_id, Date.now(), 'subscription.created', { package: p.name }, me.name); return subJson(s); }
  if ((x = m('GET', '/subscriptions/:id'))) return subJson(find(subs, x[1]));
  if ((x = m('PATCH', '/subscriptions/:id'))) { const s = find(subs, x[1]); if (body.package_id) s.package = find(packages, body.package_id); if (body.access) { const { password: _, ...access } = body.access; s.access = access; } if (body.paid_until !== undefined) s.paid_until = body.paid_until; drive(s); return subJson(s); }
  if ((x = m('DELETE', '/subscriptions/:id'))) { const s = find(subs, x[1]); s.ended = true; changed('subscription', s.id); return null; }
  if ((x = m('POST', '/subscriptions/:id/holds'))) { hold(find(subs, x[1]), body.reason ?? 'staff', body.note, me.name, false); return { id: 'x' }; }
  if ((x = m('POST', '/holds/:id/release'))) { const s = subs.find((y) => y.holds.some((h) => h.id === x[1])); if (!s) throw missing(); release(s, s.holds.find((h) => h.id === x[1]), me.name, body.note); return null; }
  if ((x = m('GET', '/subscriptions/:id/proofs'))) { const s = find(subs, x[1]); return { items: [...s.proofs].reverse().map((p) => ({ ...p, observed: { ...observe(s, start), closed: !p.open, sessions: [] } })), next: null, total: s.proofs.length }; }
  if ((x = m('GET', '/subscriptions/:id/usage'))) {
    const s = find(subs, x[1]), items = [];
    const fresh = customers.indexOf(find(customers, s.customer_id)) < 0 || s.line.generation < 48_000 || s.proofs.length < 1;
    for (let t = Date.parse(`${q.get('from')}T00:00:00Z`), i = 0; t <= Date.parse(`${q.get('to')}T00:00:00Z`); t += DAY, i++) items.push({ date: iso(t).slice(0, 10), down_octets: fresh ? 0 : Math.round((0.55 + 0.4 * Math.sin(i * 1.7 + s.line.generation)) * 2e10), up_octets: fresh ? 0 : Math.round(1.4e9 * (0.7 + 0.3 * Math.cos(i))) });
    return { items, down_octets: items.reduce((n, d) => n + d.down_octets, 0), up_octets: items.reduce((n, d) => n + d.up_octets, 0), gaps: fresh ? [] : [{ from: iso(start - 5 * DAY), to: iso(start - 5 * DAY + 14 * MIN), cause: 'router_reboot', down_octets: null, up_octets: null }] };
  }
  if ((x = m('GET', '/subscriptions/:id/rates'))) { const s = find(subs, x[1]); const out = []; if (s.line.state === 'verified' && s.proofs.length > 0) for (let t = Math.max(Date.now() - 15 * MIN, Date.parse(s.line.steps.verified_at)); t < Date.now(); t += 5000) { const wave = 0.45 + 0.35 * Math.sin(t / 31000 + s.line.generation) + 0.2 * rnd(); out.push({ at: iso(t), down_bps: s.line.open ? Math.round(s.package.down_bps * wave * 0.95) : 0, up_bps: s.line.open ? Math.round(s.package.up_bps * wave * 0.08) : 0, online: s.line.open }); } return { items: out }; }
  if ((x = m('GET', '/subscriptions/:id/quote'))) return quote(find(subs, x[1]), Number(q.get('amount_minor')));
  if (m('POST', '/payments')) {
    const key = headers['idempotency-key'];
    if (!key) throw new Fault(400, 'Idempotency-Key is missing', 'Send a key so that a repeated request is taken once.');
    if (idem.has(key)) return idem.get(key);
    const s = find(subs, body.subscription_id), c = find(customers, s.customer_id), result = quote(s, body.amount.minor);
    if (!(body.amount.minor > 0)) throw invalid('amount', 'The amount must be more than zero.');
    c.credit = result.credit_after; s.paid_until = result.paid_until;
    const p = { id: id(), customer_id: c.id, subscription_id: s.id, number: `MIR-R-0${18842 + payments.length}`, amount: body.amount, method: body.method, note: body.note, taken_by: me.name, at: iso(Date.now()), paid_until: s.paid_until, credit: c.credit, opens: result.opens };
    payments.push(p); idem.set(key, p);
    event(c.id, Date.now(), 'payment.taken', { amount: body.amount, method: body.method, number: p.number }, me.name);
    const np = s.holds.find((h) => h.reason === 'nonpayment');
    if (np && result.validities > 0) release(s, np, 'Payment', p.number);
    changed('payment', p.id); changed('customer', c.id);
    return p;
  }
  if (m('GET', '/payments')) return paged(payments.filter((p) => p.customer_id === q.get('customer_id')).sort((a, b) => (a.at < b.at ? 1 : -1)), q);
  if (m('GET', '/pops')) { const seen = pops.filter((p) => !only || branchOf(p) === only); return { items: seen.map(popJson), next: null, total: seen.length }; }
  if (m('POST', '/pops')) { if (!body.name?.trim()) throw invalid('name', 'A POP needs a name.'); return popJson(pop(body.name, 'never')); }
  if ((x = m('PATCH', '/pops/:id'))) return popJson(Object.assign(find(pops, x[1]), body));
  if (m('GET', '/routers')) return { items: routers, next: null, total: routers.length };
  if (m('POST', '/routers')) { const { password: _, ...rest } = body; return router(find(pops, body.pop_id), body.name, { ...rest, state: 'unknown', identity: null, board: null, version: null, cpu_percent: null }); }
  if ((x = m('PATCH', '/routers/:id'))) { const { password: _, ...rest } = body; return Object.assign(find(routers, x[1]), rest); }
  if ((x = m('DELETE', '/routers/:id'))) { const r = find(routers, x[1]); if (subs.some((s) => s.router === r)) throw new Fault(409, 'router_in_use', `Lines are served by ${r.name}. Move them first.`); routers.splice(routers.indexOf(r), 1); return null; }
  if (m('POST', '/agents/invite')) { const token = `lm1.${randomBytes(52).toString('base64url')}`; const i = { id: id(), command: `lastmile-agent join ${token}`, token, expires_at: iso(Date.now() + 15 * MIN), pop_id: body.pop_id, made: Date.now() }; invites.push(i); return i; }
  if ((x = m('GET', '/agents/invites/:id'))) { const i = find(invites, x[1]); const joined = Date.now() - i.made > 12_000; if (joined && !i.done) { i.done = true; const p = find(pops, i.pop_id); if (p.state === 'never') p.state = 'healthy'; agents.push({ id: id(), pop_id: p.id, name: `agent-${p.name.toLowerCase().slice(0, 12)}`, version: '0.1.0', revoked_at: null }); } return { id: i.id, state: joined ? 'joined' : 'waiting' }; }
  if ((x = m('DELETE', '/agents/:id'))) { find(agents, x[1]).revoked_at = iso(Date.now()); return null; }
  if (m('GET', '/dunning/brakes')) return { items: brakes, next: null, total: brakes.length };
  if ((x = m('GET', '/dunning/brakes/:id/lines'))) return paged(subs.filter((s) => s.holds.length > 0).map((s) => ({ subscription_id: s.id, number: s.number, customer_id: s.customer_id, customer_name: find(customers, s.customer_id).name, paid_until: s.paid_until, done_at: null })), q);
  if ((x = m('GET', '/subscriptions/:id/password'))) return { password: 'k7mz4quedh' };
  if ((x = m('POST', '/dunning/brakes/:id/(approve|dismiss)'))) { if (!body.reason) throw invalid('reason', 'Say why.'); if (x[2] === 'approve') throw new Fault(409, 'needs_approval', 'One person may let at most 96 through.'); Object.assign(find(brakes, x[1]), { state: x[2] === 'dismiss' ? 'dismissed' : 'approved', decided_by: me.name, decided_at: iso(Date.now()), reason: body.reason }); return null; }
  if (m('GET', '/dunning/freeze')) return freeze;
  if (m('POST', '/dunning/freeze/clear')) { freeze = { frozen: false, cause: null, detail: null, off_by_ms: null, since: null }; return null; }
  if (m('POST', '/dev/freeze')) { freeze = { frozen: true, cause: 'jumped', detail: null, off_by_ms: 400 * DAY, since: iso(Date.now()) }; changed('freeze', ''); return null; }
  const own = who.handle(method, path, q, body, me, headers['x-session'], only);
  if (own !== undefined) return own;
  const more = desk.handle(method, path, q, body, me, only);
  if (more !== undefined) return more;
  throw missing();
}
const who = access({ branches, id, iso, Fault, missing, invalid, paged, find, changed, customers, subs, setup: flag('setup') });
const desk = office({ branches, id, iso, Fault, missing, invalid, find, changed, customers, people: who.people, empty: EMPTY || flag('setup'), huge: HUGE, linesOf: (c) => subs.filter((s) => s.customer_id === c.id && !s.ended), count: (b) => ({ customers: customers.filter((c) => branchOf(c.area) === b).length, pops: pops.filter((p) => branchOf(p) === b).length, routers: routers.filter((r) => branchOf(pops.find((p) => p.id === r.pop_id)) === b).length }) });
const MIME = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.json': 'application/json' };
function page(res, path) {
  const file = normalize(join(DIST, path));
  const real = file.startsWith(DIST) && extname(file) !== '' && existsSync(file) ? file : join(DIST, 'index.html');
  if (!existsSync(real)) return void res.writeHead(404).end('no dist: npm run build');
  const headers = { 'Content-Type': MIME[extname(real)] ?? 'application/octet-stream' };
  let bytes = readFileSync(real);
  if (real.endsWith('.html')) {
    const nonce = randomBytes(16).toString('base64');
    bytes = bytes.toString().replaceAll('__CSP_NONCE__', nonce);
    headers['Content-Security-Policy'] = `default-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'`;
  }
  res.writeHead(200, headers).end(bytes);
}
createServer((req, res) => {
  const u = new URL(req.url, 'http://x');
  if (!u.pathname.startsWith('/api/v1')) return page(res, u.pathname);
  const path = u.pathname.slice(7);
  const cookie = /lastmile_session=(\w+)/.exec(req.headers.cookie ?? '')?.[1];
  const me = who.byKey(cookie);
  req.headers['x-session'] = cookie;
  if (path === '/live') {
    if (!me) return res.writeHead(401).end();
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const stream = { res, watch: (u.searchParams.get('watch') ?? '').split(',').filter(Boolean) };
    res.write(': hello\n\n');
    streams.add(stream);
    return void req.on('close', () => streams.delete(stream));
  }
  const chunks = [];
  req.on('data', (c) => chunks.push(c));
  req.on('end', () => {
    const json = (status, value, more = {}) => res.writeHead(status, { 'Content-Type': status >= 400 ? 'application/problem+json' : 'application/json', ...more }).end(value === null || value === undefined ? '' : JSON.stringify(value));
    try {
      const body = chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : {};
      const free = who.open(req.method, path, body);
      if (free) return json(free.status ?? (free.body === null ? 204 : 200), free.body, free.cookie ? { 'Set-Cookie': `lastmile_session=${free.cookie}; HttpOnly; SameSite=Lax; Path=/` } : {});
      if (!me) return json(401, { title: 'Not signed in', status: 401, detail: 'Sign in first.' });
      if (req.method !== 'GET' && req.headers['x-requested-with'] !== 'lastmile') return json(403, { title: 'Forbidden', status: 403, detail: 'X-Requested-With is missing.' });
      if (path === '/logout') who.end(cookie);
      const out = handle(req.method, path, u.searchParams, body, me, req.headers);
      setTimeout(() => json(out === null ? 204 : req.method === 'POST' ? 201 : 200, out), 40);
    } catch (e) {
      const f = e instanceof Fault ? e : new Fault(500, 'Internal error', String(e.stack));
      json(f.status, { type: `/problems/${f.title}`, title: f.title, status: f.status, detail: f.detail, errors: f.errors ?? [], reference: '7F2K-91' });
    }
  });
}).listen(PORT, '127.0.0.1', () => console.log(`mock on http://127.0.0.1:${PORT} (farhana / lastmile-demo)`));
