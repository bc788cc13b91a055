// The part of the stand-in that knows who may do what: sign-in with a second factor, staff, roles, approvals, sessions,
// tokens, the first run. Kept in memory; nothing of it is shipped. The second factor of everybody is the code 123456,
// 000000 is always wrong, and the password of everybody is lastmile-demo.
import { randomBytes } from 'node:crypto';

export const PERMISSIONS = 'agents:invite agents:revoke approvals:decide approvals:read areas:read areas:write backups:read backups:write branches:read branches:write customers:assign customers:move customers:read customers:write dunning:decide dunning:read events:erase events:export events:read holds:place holds:release ledger:read network:read network:write notices:read notices:write packages:read packages:write payments:read payments:take resellers:read resellers:write roles:write settings:read settings:write staff:read staff:write subscriptions:backdate subscriptions:password subscriptions:read subscriptions:write usage:read'.split(' ');
const read = (list) => list.split(' ').map((r) => `${r}:read`);
const DEFAULTS = [
  ['owner', 'Owner', ['*'], 'all'],
  ['branch_manager', 'Branch manager', PERMISSIONS.filter((p) => !/^(backups|events:e|roles|settings:w|branches:w|packages:w|agents:r|customers:move)/.test(p)), 'branches'],
  ['accountant', 'Accountant', ['approvals:decide', 'events:export', ...read('approvals areas branches customers dunning events ledger notices packages payments resellers settings subscriptions usage')], 'all'],
  ['cashier', 'Cashier', ['customers:write', 'payments:take', ...read('areas branches customers notices packages payments subscriptions usage')], 'branches'],
  ['noc', 'Network engineer', ['agents:invite', 'agents:revoke', 'holds:place', 'holds:release', 'network:write', 'subscriptions:password', 'subscriptions:write', ...read('areas branches customers events network packages settings subscriptions usage')], 'all'],
  ['support', 'Support', ['customers:assign', 'customers:write', ...read('areas branches customers events network notices packages payments subscriptions usage')], 'branches'],
  ['technician', 'Technician', read('areas branches customers network packages subscriptions usage'), 'assigned'],
  ['reseller', 'Reseller', ['customers:write', ...read('areas branches customers packages payments subscriptions usage')], 'reseller'],
  ['reseller_staff', "Reseller's staff", read('areas branches customers packages subscriptions usage'), 'reseller'],
  ['auditor', 'Auditor (reads only)', read('approvals areas backups branches customers dunning events ledger network notices packages payments resellers settings staff subscriptions usage'), 'all'],
];
const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const RECOVERY = Array.from({ length: 10 }, (_, i) => `k7mz-4que-dh${i}a-wx2${i}`);

/** A picture that looks like a QR code: the pages must draw it, no telephone has to read it. */
function picture() {
  const size = 41;
  let path = '', seed = 7;
  const finder = (x, y) => [[4, 4], [size - 11, 4], [4, size - 11]].map(([a, b]) => [x - a, y - b]).find(([a, b]) => a >= -1 && a <= 7 && b >= -1 && b <= 7);
  for (let y = 4; y < size - 4; y++) for (let x = 4; x < size - 4; x++) {
    const f = finder(x, y);
    seed = (seed * 1103515245 + 12345) % 2147483648;
    const dark = f ? f.every((v) => v >= 0 && v <= 6) && (Math.max(Math.abs(f[0] - 3), Math.abs(f[1] - 3)) !== 2) : seed / 2147483648 < 0.48;
    if (dark) path += `M${x},${y}h1v1h-1z`;
  }
  return { size, path };
}

export function access({ branches, id, iso, Fault, missing, invalid, paged, find, changed, customers, subs, setup }) {
  const MIN = 60_000, HOUR = 60 * MIN, DAY = 24 * HOUR, start = Date.now();
  const roles = DEFAULTS.map(([name, title, permissions, scope]) => ({ name, title, permissions: [...permissions].sort(), scope, second_factor: ['owner', 'accountant'].includes(name), built_in: true, edited: false }));
  const home = branches[0], second = branches[1] ?? home;
  const people = [], challenges = new Map(), sessions = [], tokens = [], links = new Map(), state = { setup };
  function person(username, name, role, branch, more = {}) {
    const p = { id: id(), username, name, role, branch_id: branch.id, further_branch_ids: [], reseller_id: null, phone: `+88017128460${String(people.length).padStart(2, '0')}`, email: `${username}@lastmile.example`, language: 'en', status: 'active', second_factor: false, created_at: iso(start - (400 - people.length * 20) * DAY), last_sign_in_at: iso(start - people.length * 7 * HOUR), ...more };
    people.push(p);
    return p;
  }
  person('farhana', 'Farhana Haque', 'owner', home);
  person('cashier', 'Nusrat Jahan', 'cashier', home);
  if (!setup) {
    person('admin', 'Farhana Haque', 'owner', home);
    person('second', 'Tanvir Ahmed', 'accountant', home, { second_factor: true });
    person('enrol', 'Sumaiya Akter', 'accountant', second);
    person('manager', 'Md. Kamrul Hasan', 'branch_manager', second, { further_branch_ids: [home.id], second_factor: true });
    person('noc', 'Imran Hossain', 'noc', home, { second_factor: true });
    person('tech', 'Shahin Mia', 'technician', second, { phone: '+8801712846093' });
    person('invited', 'Rokeya Khatun', 'support', second, { status: 'invited', last_sign_in_at: null, language: 'bn' });
    person('old', 'Habib Das', 'cashier', second, { status: 'inactive' });
    person('auditor', 'Anika Rahman', 'auditor', home);
  }
  const roleOf = (p) => roles.find((r) => r.name === p.role);
  const member = (p) => ({ ...p, role_title: roleOf(p).title, scope: roleOf(p).scope, active: p.status !== 'inactive' });
  const info = (p) => ({ id: p.id, username: p.username, name: p.name, role: p.role, role_title: roleOf(p).title, scope: roleOf(p).scope, branch_id: p.branch_id, further_branch_ids: p.further_branch_ids, permissions: roleOf(p).permissions, phone: p.phone, email: p.email, language: p.language, second_factor: p.second_factor, second_factor_required: p.second_factor || (roleOf(p).second_factor && p.username === 'enrol') });
  const roleJson = (r) => ({ ...r, people: people.filter((p) => p.role === r.name && p.status !== 'inactive').length });
  const AGENTS = ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36', 'Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0'];
  function session(p, agent, address, age, key = randomBytes(16).toString('hex')) {
    const s = { id: id(), key, staff: p.id, created_at: iso(start - age), last_seen_at: iso(start - age / 9), expires_at: iso(start - age + 12 * HOUR), address, user_agent: agent };
    sessions.push(s);
    return s;
  }
  for (const p of people.slice(0, 8)) { session(p, AGENTS[1], '103.48.16.9', 3 * HOUR); session(p, AGENTS[2], '192.168.10.24', 26 * HOUR); }
  tokens.push({ id: id(), staff: people[0].id, name: 'Accounting export', permissions: ['customers:read', 'ledger:read', 'payments:read'], created_at: iso(start - 40 * DAY), expires_at: iso(start + 320 * DAY), last_used_at: iso(start - 2 * HOUR), revoked_at: null }, { id: id(), staff: people[0].id, name: 'Old dashboard', permissions: null, created_at: iso(start - 200 * DAY), expires_at: iso(start - 20 * DAY), last_used_at: iso(start - 30 * DAY), revoked_at: iso(start - 30 * DAY) });
  const shown = (s, key) => ({ id: s.id, current: s.key === key, created_at: s.created_at, last_seen_at: s.key === key ? iso(Date.now()) : s.last_seen_at, expires_at: s.expires_at, address: s.address, user_agent: s.user_agent });
  const approvals = [];
  function approval(kind, by, data, reason, more) {
    const a = { id: id(), kind, branch_id: home.id, customer_id: null, subject_kind: kind.split('.')[0], subject_id: id(), data, reason, state: 'pending', requested_by: { id: by.id, name: by.name }, requested_at: iso(start - approvals.length * 3 * HOUR - 20 * MIN), expires_at: iso(start + 3 * DAY), decided_by: null, decided_at: null, decision: null, ...more };
    approvals.push(a);
  }
  if (people.length > 6 && customers.length > 3) {
    const c = customers[2];
    approval('subscription.paid_until', people[5], { number: subs.find((s) => s.customer_id === c.id)?.number, before: subs.find((s) => s.customer_id === c.id)?.paid_until, paid_until: iso(start - 12 * DAY) }, 'Paid in cash on the 10th, the collector handed the slip in late.', { customer_id: c.id });
    approval('dunning.brake', people[6], { listed: 1284, limit: 96, active_lines: 1920 }, 'Checked with the branch: the import of the bank was two days late and is in now.', {});
    approval('subscription.paid_until', people[0], { number: `L-${customers[4].number}`, before: iso(start + 3 * DAY), paid_until: iso(start - 2 * DAY) }, 'Entered for the wrong customer.', { customer_id: customers[4].id });
    approval('subscription.paid_until', people[5], { number: `L-${customers[6].number}`, before: iso(start + 9 * DAY), paid_until: iso(start - DAY) }, 'Customer asked for it.', { customer_id: customers[6].id, state: 'rejected', decided_by: { id: people[0].id, name: people[0].name }, decided_at: iso(start - DAY), decision: 'No slip is attached.' });
  }
  const word = (p) => ({ name: p.name, username: p.username, role_title: roleOf(p).title, language: p.language, second_factor_required: roleOf(p).second_factor, expires_at: iso(start + 3 * DAY) });
  links.set('demo', { kind: 'invitation', who: people.find((p) => p.username === 'invited') });
  links.set('reset', { kind: 'reset', who: people[1] });
  const linkFor = (p) => { const token = randomBytes(16).toString('hex'); links.set(token, { kind: 'invitation', who: p }); return { staff: member(p), invitation: { link: `https://isp.example/invitation/${token}`, expires_at: iso(Date.now() + 3 * DAY) } }; };
  const goodPassword = (text) => { if ((text ?? '').length < 8) throw invalid('password', '8 to 128 characters are needed'); if (/^(password|lastmile|\d+)$/i.test(text)) throw invalid('password', 'this is one of the first passwords that anybody tries'); };
  const goodCode = (code) => { if (code !== '123456' && !RECOVERY.includes(code)) throw invalid('code', 'this code is wrong or was used'); };
  const enrolment = () => ({ secret: SECRET, uri: `otpauth://totp/Lastmile:x?secret=${SECRET}`, qr: picture() });
  const opened = (p, more = {}) => ({ cookie: session(p, AGENTS[0], '192.168.10.7', 0).key, body: { staff: info(p), ...more } });
  const enter = (p) => {
    const kind = p.second_factor ? 'totp' : p.username === 'enrol' || (p.status === 'invited' && roleOf(p).second_factor) ? 'enrol' : null;
    if (!kind) { p.status = 'active'; return opened(p); }
    const challenge = randomBytes(16).toString('hex');
    challenges.set(challenge, { p, kind, tries: 0 });
    return { body: { second_factor: kind, challenge, ...(kind === 'enrol' ? { enrolment: enrolment() } : {}) } };
  };
  const unauthorized = (code, detail) => { const f = new Fault(401, code, detail); return f; };

  /** Routes for everybody. Gives `{body, cookie?}`, or undefined when it is none of them. */
  function open(method, path, body) {
    let x;
    const m = (verb, pattern) => method === verb && path.match(new RegExp(`^${pattern}$`));
    if (m('GET', '/setup')) { if (!state.setup) throw missing(); return { body: { needed: true, branch: { name: 'Head office', time_zone: 'Asia/Dhaka', currency: 'BDT' } } }; }
    if (m('POST', '/setup')) {
      if (!state.setup) throw missing();
      if (body.code !== 'first-run') throw new Fault(403, 'forbidden', 'this is not the code in the log of the controller');
      goodPassword(body.owner.password);
      state.setup = false;
      Object.assign(people[0], { name: body.owner.name, username: body.owner.username });
      return { body: { username: body.owner.username, branch_id: home.id, pop_id: null }, status: 201 };
    }
    if (m('POST', '/login')) {
      const p = people.find((one) => one.username === body.username && one.status === 'active');
      if (!p || body.password !== 'lastmile-demo') throw unauthorized('wrong_password', 'the name or the password is wrong');
      return enter(p);
    }
    if (m('POST', '/login/second-factor')) {
      const c = challenges.get(body.challenge);
      if (!c || (c.tries += 1) > 5) throw unauthorized('challenge_over', 'this took too long or too many tries; sign in again');
      goodCode(body.code);
      challenges.delete(body.challenge);
      Object.assign(c.p, { second_factor: true, status: 'active' });
      return opened(c.p, c.kind === 'enrol' ? { recovery_codes: RECOVERY } : {});
    }
    if (m('POST', '/password-reset')) return { body: null, status: 202 };
    if (m('POST', '/password-reset/confirm')) {
      if (body.token !== undefined && links.get(body.token)?.kind !== 'reset') throw missing();
      if (body.token === undefined && body.code !== '12345678') throw invalid('code', 'this code is wrong or too old');
      goodPassword(body.password);
      return { body: null };
    }
    if ((x = m('GET', '/(password-reset|invitations)/([^/]+)')) && x[2] !== 'confirm') { const l = links.get(x[2]); if (!l?.who) throw missing(); return { body: word(l.who) }; }
    if ((x = m('POST', '/invitations/([^/]+)/accept'))) { const l = links.get(x[1]); if (!l) throw missing(); goodPassword(body.password); links.delete(x[1]); return enter(l.who); }
    return undefined;
  }
  const byKey = (key) => { const s = sessions.find((one) => one.key === key); const p = s && people.find((one) => one.id === s.staff && one.status === 'active'); return p && info(p); };

  /** Routes of who is signed in; undefined when it is none of these. */
  function handle(method, path, q, body, me, key, branch) {
    const m = (verb, pattern) => method === verb && path.match(new RegExp(`^${pattern.replace(/:\w+/g, '([^/]+)')}$`));
    const mine = people.find((p) => p.id === me.id);
    const must = (permission) => { if (!me.permissions.includes('*') && !me.permissions.includes(permission)) throw new Fault(403, 'forbidden', `your role does not include ${permission}`); };
    let x;
    if (m('GET', '/me')) return { staff: me };
    if (m('PATCH', '/me')) { if ((body.phone !== undefined || body.email !== undefined) && body.current_password !== 'lastmile-demo') throw invalid('current_password', 'this is not your password'); const { current_password: _, ...rest } = body; return { staff: info(Object.assign(mine, rest)) }; }
    if (m('POST', '/me/password')) { if (body.current_password !== 'lastmile-demo') throw invalid('current_password', 'this is not your password'); goodPassword(body.new_password); return null; }
    if (m('GET', '/me/sessions')) return { items: sessions.filter((s) => s.staff === me.id).sort((a, b) => (a.last_seen_at < b.last_seen_at ? 1 : -1)).map((s) => shown(s, key)), next: null };
    if (m('DELETE', '/me/sessions')) { for (const s of sessions.filter((one) => one.staff === me.id && one.key !== key)) sessions.splice(sessions.indexOf(s), 1); return null; }
    if ((x = m('DELETE', '/me/sessions/:id'))) { sessions.splice(sessions.indexOf(find(sessions, x[1])), 1); return null; }
    const token = (t) => { const { staff: _, ...rest } = t; return rest; };
    if (m('GET', '/me/tokens')) return { items: tokens.filter((t) => t.staff === me.id).map(token), next: null };
    if (m('POST', '/me/tokens')) { const t = { id: id(), staff: me.id, name: body.name, permissions: body.permissions ?? null, created_at: iso(Date.now()), expires_at: iso(Date.now() + (body.days ?? 365) * DAY), last_used_at: null, revoked_at: null }; tokens.unshift(t); return { text: `lmt_${randomBytes(24).toString('base64url')}`, token: token(t) }; }
    if ((x = m('DELETE', '/me/tokens/:id'))) { find(tokens, x[1]).revoked_at = iso(Date.now()); return null; }
    if (m('GET', '/me/totp')) return { enrolled: mine.second_factor, enrolled_at: mine.second_factor ? iso(start - 60 * DAY) : null, required: me.second_factor_required, recovery_codes_left: mine.second_factor ? 7 : 0 };
    if (m('POST', '/me/totp/enrol')) return enrolment();
    if (m('POST', '/me/totp/confirm')) { goodCode(body.code); mine.second_factor = true; return { recovery_codes: RECOVERY }; }
    if (m('POST', '/me/totp/recovery-codes')) { goodCode(body.code); return { recovery_codes: RECOVERY }; }
    if (m('POST', '/me/totp/remove')) { goodCode(body.code); mine.second_factor = false; return null; }
    if (m('GET', '/permissions')) return { items: PERMISSIONS.map((name) => ({ name, resource: name.split(':')[0], action: name.split(':')[1] })), next: null };
    if (m('GET', '/roles')) return { items: roles.map(roleJson), next: null };
    if (m('POST', '/roles')) { must('roles:write'); if (roles.some((r) => r.name === body.name)) throw new Fault(409, 'name_taken', 'there is a role of this name'); const r = { ...body, built_in: false, edited: true }; roles.push(r); return roleJson(r); }
    const role = (name) => roles.find((r) => r.name === name) ?? (() => { throw missing(); })();
    if ((x = m('PUT', '/roles/:name'))) { must('roles:write'); const r = role(x[1]); if (r.name === 'owner' && !body.permissions.includes('*')) throw new Fault(409, 'last_owner', 'somebody who may do everything must remain'); return roleJson(Object.assign(r, body, { edited: true })); }
    if ((x = m('POST', '/roles/:name/reset'))) { const r = role(x[1]); const [, title, permissions, scope] = DEFAULTS.find(([name]) => name === r.name); return roleJson(Object.assign(r, { title, permissions: [...permissions].sort(), scope, second_factor: false, edited: false })); }
    if ((x = m('DELETE', '/roles/:name'))) { const r = role(x[1]); if (people.some((p) => p.role === r.name)) throw new Fault(409, 'role_in_use', 'somebody has it'); roles.splice(roles.indexOf(r), 1); return null; }
    if (m('GET', '/staff')) {
      must('staff:read');
      const text = (q.get('search') ?? '').toLowerCase();
      return paged(people.filter((p) => (!branch || p.branch_id === branch) && (!text || [p.name, p.username, p.phone, p.email].some((v) => v.toLowerCase().includes(text))) && (!q.get('role') || p.role === q.get('role')) && (!q.get('status') || p.status === q.get('status'))).sort((a, b) => (a.name < b.name ? -1 : 1)).map(member), q);
    }
    if (m('POST', '/staff')) { must('staff:write'); if (people.some((p) => p.username === body.username)) throw invalid('username', 'somebody has this sign-in name already'); const p = person(body.username, body.name, body.role, { id: body.branch_id ?? me.branch_id }, { ...body, phone: body.phone ?? '', email: body.email ?? '', status: 'invited', last_sign_in_at: null, created_at: iso(Date.now()) }); changed('staff', p.id); return linkFor(p); }
    if ((x = m('GET', '/staff/:id'))) { const p = find(people, x[1]); return { ...member(p), invitation_expires_at: p.status === 'invited' ? iso(start + 3 * DAY) : null }; }
    if ((x = m('PATCH', '/staff/:id'))) { must('staff:write'); return member(Object.assign(find(people, x[1]), body)); }
    if ((x = m('POST', '/staff/:id/invite'))) return linkFor(find(people, x[1]));
    if ((x = m('POST', '/staff/:id/reactivate'))) { const p = find(people, x[1]); p.status = 'invited'; return linkFor(p); }
    if ((x = m('POST', '/staff/:id/deactivate'))) { const p = find(people, x[1]); if (p.role === 'owner' && people.filter((o) => o.role === 'owner' && o.status === 'active').length < 2) throw new Fault(409, 'last_owner', 'somebody who may do everything must remain'); p.status = 'inactive'; for (const s of sessions.filter((one) => one.staff === p.id)) sessions.splice(sessions.indexOf(s), 1); return member(p); }
    if ((x = m('POST', '/staff/:id/password-reset'))) return null;
    if ((x = m('POST', '/staff/:id/second-factor/reset'))) { find(people, x[1]).second_factor = false; return null; }
    if ((x = m('GET', '/staff/:id/sessions'))) return { items: sessions.filter((s) => s.staff === x[1]).map((s) => shown(s, '')), next: null };
    if ((x = m('DELETE', '/staff/:id/sessions'))) { for (const s of sessions.filter((one) => one.staff === x[1])) sessions.splice(sessions.indexOf(s), 1); return null; }
    if ((x = m('DELETE', '/staff/:id/sessions/:session'))) { sessions.splice(sessions.indexOf(find(sessions, x[2])), 1); return null; }
    if ((x = m('GET', '/staff/:id/tokens'))) return { items: tokens.filter((t) => t.staff === x[1]).map(token), next: null };
    if ((x = m('DELETE', '/staff/:id/tokens/:token'))) { find(tokens, x[2]).revoked_at = iso(Date.now()); return null; }
    if (m('GET', '/approvals')) { must('approvals:read'); const wanted = q.get('state') ?? 'pending'; return paged(approvals.filter((a) => (wanted === 'all' || a.state === wanted) && (!branch || a.branch_id === branch)), q); }
    if (m('POST', '/approvals')) { if ((body.reason ?? '').length < 3) throw invalid('reason', 'must be 3 to 500 characters'); approval(body.kind, mine, body.kind === 'dunning.brake' ? { listed: 1284, limit: 96, active_lines: 1920 } : { number: subs.find((s) => s.id === body.subject_id)?.number, before: subs.find((s) => s.id === body.subject_id)?.paid_until, ...body.data }, body.reason, { subject_id: body.subject_id, requested_at: iso(Date.now()) }); changed('approval', ''); return approvals[approvals.length - 1]; }
    if ((x = m('POST', '/approvals/:id/(approve|reject|withdraw)'))) {
      const a = find(approvals, x[1]), own = a.requested_by.id === me.id;
      if (own !== (x[2] === 'withdraw')) throw new Fault(409, 'same_person', 'who asks does not decide: another person has to; you may withdraw it');
      if (x[2] === 'reject' && (body.reason ?? '').length < 3) throw invalid('reason', 'must not be empty');
      Object.assign(a, { state: { approve: 'approved', reject: 'rejected', withdraw: 'withdrawn' }[x[2]], decided_by: { id: me.id, name: me.name }, decided_at: iso(Date.now()), decision: body.reason || null });
      changed('approval', a.id);
      return a;
    }
    return undefined;
  }
  const end = (key) => { const s = sessions.find((one) => one.key === key); if (s) sessions.splice(sessions.indexOf(s), 1); };
  return { open, handle, byKey, end, people };
}
