// `make shots`: every page of the console, on a desktop and a phone, in English and Bangla, light and dark, with
// real-looking data, with none and with far too much; one contact sheet. Fails on accessibility findings, console
// errors, violations of the content security policy and sideways scrolling.
//   node tests/browser/shots.mjs            BASE_URL, LASTMILE_USER, LASTMILE_PASSWORD: a running demonstration for the
//                                           real-looking part; ONLY=regex for single shots; SHOTS_DIR for the place
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { axe, launch, mock, ROOT, sideways, signIn, watchedPage } from './lib.mjs';

const OUT = process.env.SHOTS_DIR ?? join(ROOT, 'target', 'shots');
const ONLY = process.env.ONLY ? new RegExp(process.env.ONLY) : null;
const USER = process.env.LASTMILE_USER ?? 'farhana';
const PASSWORD = process.env.LASTMILE_PASSWORD ?? 'lastmile-demo';
if (!ONLY) rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });

// The held customer of the stand-in has the data of the pictures; the demonstration has its own.
const HELD = process.env.BASE_URL ? '?state=held' : '?q=LM-104217';

const all = [];
for (const size of ['desktop', 'phone']) for (const lang of ['en', 'bn']) for (const scheme of ['light', 'dark']) all.push([size, lang, scheme]);
const bare = [['desktop', 'en', 'light'], ['phone', 'bn', 'dark']];
const some = [['desktop', 'en', 'light'], ['desktop', 'bn', 'dark'], ['phone', 'bn', 'light']];

const settled = async (page) => {
  await page.waitForLoadState('networkidle', { timeout: 1500 }).catch(() => {});
  await page.waitForFunction(() => !document.querySelector('.lm-bones'), null, { timeout: 8000 }).catch(() => {});
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(350);
};
const go = (path) => async (page) => {
  await page.goto(`${page.base}${path}`);
  await settled(page);
};
/** The first customer of a list: a held one on the stand-in. */
const customer = (query = '?state=held', tab = '') => async (page) => {
  await page.goto(`${page.base}/customers${query}`);
  await page.locator('tbody a.lm-name').first().waitFor();
  const href = await page.locator('tbody a.lm-name').first().getAttribute('href');
  await page.goto(`${page.base}${href}${tab}`);
  await settled(page);
};
const then = (first, ...more) => async (page) => {
  await first(page);
  for (const step of more) await step(page);
  await settled(page);
};
/** Name and password; what comes then is the shot. */
const enter = (user) => async (page) => {
  await page.locator('input[name="username"]').fill(user);
  await page.locator('input[name="password"]').fill(PASSWORD);
  await page.locator('button[type="submit"]').click();
  await page.locator('input[name="username"]').waitFor({ state: 'detached' });
};
const click = (selector) => (page) => page.locator(selector).first().click();

const shots = [
  { name: 'customers', combos: all, open: go('/customers') },
  { name: 'customer-overview', combos: all, open: customer(HELD) },
  { name: 'customer-line-open', combos: all, open: customer('?state=active', '?tab=line'), wait: 5000 },
  { name: 'customer-line-held', combos: some, open: customer(HELD, '?tab=line') },
  { name: 'customer-line-failed', combos: some, mockOnly: true, open: customer('?state=failed', '?tab=line') },
  { name: 'customer-payments', combos: some, open: customer(HELD, '?tab=payments') },
  { name: 'network', combos: all, open: go('/network') },
  { name: 'packages', combos: all, open: go('/packages') },
  { name: 'areas', combos: all, open: go('/areas') },
  { name: 'dunning', combos: all, open: go('/dunning') },
  { name: 'settings', combos: all, open: go('/settings/company') },
  { name: 'settings-unsaved', combos: some, mockOnly: true, open: then(go('/settings/dunning'), (page) => page.locator('#setting-dunning_grace_days').fill('5')), viewport: true },
  { name: 'settings-channels', combos: some, open: go('/settings/channels') },
  { name: 'settings-template', combos: some, open: go('/settings/templates?template=payment_receipt') },
  { name: 'settings-backups', combos: some, open: go('/settings/backups') },
  { name: 'outbox', combos: all, open: go('/outbox'), viewport: true },
  { name: 'outbox-message', combos: some, mockOnly: true, open: then(go('/outbox'), click('.lm-outbox tbody tr:nth-child(4) .lm-name')), viewport: true },
  { name: 'audit', combos: all, open: go('/audit'), viewport: true },
  { name: 'audit-entry', combos: some, mockOnly: true, open: then(go('/audit'), click('.lm-audit tbody tr:nth-child(4) .lm-go button')), viewport: true },
  { name: 'branches', combos: some, open: go('/branches') },
  { name: 'branch', combos: some, open: then(go('/branches'), click('tbody .lm-name')) },
  { name: 'resellers', combos: some, open: go('/resellers') },
  { name: 'customers-none', combos: some, open: go('/customers?q=zzzz') },
  { name: 'customer-new', combos: some, open: then(go('/customers?new=true'), async (page) => {
    await page.locator('.lm-side-sheet input').first().waitFor();
    await page.locator('.lm-side-sheet .mantine-Select-input').nth(1).click();
    await page.locator('[role=option]:visible').first().click();
  }), viewport: true },
  { name: 'take-payment', combos: all, open: customer(HELD, '?pay=true'), viewport: true },
  { name: 'hold', combos: some, open: then(customer('?state=active'), click('.lm-person .lm-actions button:nth-child(2)')), viewport: true },
  { name: 'release', combos: some, open: then(customer(HELD), click('.lm-person .lm-actions button:nth-child(2)')), viewport: true },
  { name: 'invite', combos: some, open: then(go('/network'), click('.lm-page-head .lm-actions button:nth-child(2)'), click('.lm-sheet-foot button:last-child')), viewport: true },
  { name: 'router', combos: some, open: then(go('/network'), click('.lm-device-actions .mantine-ActionIcon-root')), viewport: true },
  { name: 'revoke', combos: some, open: then(go('/network'), click('.lm-device-actions .lm-danger-quiet')), viewport: true },
  { name: 'package-edit', combos: some, open: then(go('/packages'), click('tbody .mantine-ActionIcon-root')), viewport: true },
  { name: 'area-in-use', combos: some, open: then(go('/areas'), click('tbody tr:nth-child(2) .mantine-ActionIcon-root:last-child'), click('.lm-sheet-foot button:last-child')), viewport: true },
  { name: 'brake-approve', combos: some, mockOnly: true, open: then(go('/dunning'), click('.lm-brake-actions > .mantine-Button-root')), viewport: true },
  { name: 'palette', combos: some, open: then(go('/customers'), click('.lm-search'), (page) => page.locator('.lm-palette-input input').fill('ra')), viewport: true },
  { name: 'not-found', combos: some, open: go('/nowhere') },
  { name: 'sign-in', combos: all, out: true, open: go('/login'), viewport: true },
  { name: 'sign-in-code', combos: all, out: true, mockOnly: true, open: then(go('/login'), enter('second'), (page) => page.locator('input[name=code]').pressSequentially('4071')), viewport: true },
  { name: 'sign-in-wrong-code', combos: some, out: true, mockOnly: true, open: then(go('/login'), enter('second'), (page) => page.locator('input[name=code]').fill('000000'), (page) => page.locator('[role=alert]').first().waitFor()), viewport: true },
  { name: 'sign-in-enrol', combos: some, out: true, mockOnly: true, open: then(go('/login'), enter('enrol')) },
  { name: 'recovery-codes', combos: bare, out: true, mockOnly: true, open: then(go('/login'), enter('enrol'), (page) => page.locator('input[name=code]').fill('123456'), (page) => page.locator('.lm-recovery').waitFor()) },
  { name: 'password-forgotten', combos: some, out: true, mockOnly: true, open: then(go('/password-reset'), (page) => page.locator('input[name=username]').fill('farhana'), click('button[type=submit]'), (page) => page.locator('input[name=code]').waitFor()), viewport: true },
  { name: 'password-reset', combos: some, out: true, mockOnly: true, open: go('/password-reset/reset'), viewport: true },
  { name: 'invitation', combos: some, out: true, mockOnly: true, open: go('/invitation/demo'), viewport: true },
  { name: 'invitation-dead', combos: bare, out: true, open: go('/invitation/0'), viewport: true },
  { name: 'profile', combos: all, open: go('/profile') },
  { name: 'token-new', combos: some.slice(0, 2), open: then(go('/profile'), click('.lm-below .mantine-Button-root')), viewport: true },
  { name: 'staff', combos: all, open: go('/staff') },
  { name: 'staff-invite', combos: some, open: go('/staff?new=true'), viewport: true },
  { name: 'staff-person', combos: all, mockOnly: true, open: then(go('/staff?q=noc'), click('tbody a.lm-name'), (page) => page.locator('.lm-person').waitFor()) },
  { name: 'staff-deactivate', combos: some, mockOnly: true, open: then(go('/staff?q=noc'), click('tbody a.lm-name'), click('.lm-person button[aria-haspopup=menu]'), click('.mantine-Menu-item.lm-red-text')), viewport: true },
  { name: 'roles', combos: all, open: go('/roles') },
  { name: 'role-editor', combos: all, open: then(go('/roles/cashier'), click('.lm-cell[aria-checked=false]:nth-child(1)'), (page) => page.locator('.lm-cell[aria-checked=false]').nth(3).click()) },
  { name: 'approvals', combos: all, open: go('/approvals') },
  { name: 'approvals-decided', combos: some, open: go('/approvals?state=decided') },
  { name: 'approval-reject', combos: some, mockOnly: true, open: then(go('/approvals'), click('.lm-approval-foot .lm-danger-quiet')), viewport: true },
  { name: 'branch-switch', combos: some, mockOnly: true, open: then(go('/customers'), click('.lm-branch')), viewport: true },
  { name: 'forbidden', combos: some, out: true, mockOnly: true, open: then(go('/login'), enter('cashier'), (page) => page.waitForURL(/customers/), go('/staff')) },
  // Last of all: they take money, and the customer is no longer held.
  { name: 'take-payment-receipt', last: true, combos: [['desktop', 'en', 'light']], open: then(customer(HELD, '?pay=true'), click('.lm-sheet-foot button[type=submit]'), (page) => page.waitForTimeout(1200)), viewport: true, mockOnly: true },
  { name: 'take-payment-verified', last: true, combos: [['phone', 'bn', 'dark']], open: then(customer('?state=held', '?pay=true'), click('.lm-sheet-foot button[type=submit]'), (page) => page.waitForTimeout(4200)), viewport: true, mockOnly: true },
];
const empty = [['customers', '/customers'], ['network', '/network'], ['packages', '/packages'], ['areas', '/areas'], ['dunning', '/dunning'], ['approvals', '/approvals']].map(([name, path]) => ({ name: `empty-${name}`, combos: bare, open: go(path) }));
const huge = [
  ...[['customers', '/customers'], ['network', '/network'], ['packages', '/packages'], ['areas', '/areas']].map(([name, path]) => ({ name: `much-${name}`, combos: bare, open: go(path), viewport: true })),
  { name: 'much-customer', combos: bare, open: customer('?state=active&q=Bhuiyan') },
  { name: 'much-payment', combos: bare, open: customer('?state=active&q=Bhuiyan', '?pay=true'), viewport: true },
];

const setup = [
  { name: 'setup', combos: some, out: true, open: go('/setup'), viewport: true },
  { name: 'setup-owner', combos: some, out: true, open: then(go('/setup?code=first-run'), click('button[type=submit]')), viewport: true },
];

const failures = [];
const taken = [];
const browser = await launch();

async function run(list, base, part) {
  const combos = new Map();
  for (const shot of list) for (const combo of shot.combos) {
    const key = combo.join('-');
    if (ONLY && !ONLY.test(`${shot.name}-${key}`)) continue;
    combos.set(key, [...(combos.get(key) ?? []), shot]);
  }
  for (const [key, wanted] of combos) {
    const [size, lang, scheme] = key.split('-');
    const context = await browser.newContext({
      viewport: size === 'phone' ? { width: 390, height: 844 } : { width: 1440, height: 900 },
      deviceScaleFactor: 1,
      isMobile: size === 'phone',
      hasTouch: size === 'phone',
      reducedMotion: 'reduce',
      timezoneId: 'Asia/Dhaka',
    });
    await context.addInitScript(([l, s]) => {
      localStorage.setItem('lastmile-lang', l);
      localStorage.setItem('lastmile-scheme', s);
    }, [lang, scheme]);
    const signedIn = await watchedPage(context, base);
    if (wanted.some((shot) => !shot.out)) await signIn(signedIn, USER, PASSWORD);
    for (const shot of wanted) {
      const name = `${shot.name}-${key}`;
      let page = signedIn;
      if (shot.out) {
        const fresh = await browser.newContext({ viewport: signedIn.viewportSize(), reducedMotion: 'reduce' });
        await fresh.addInitScript(([l, s]) => {
          localStorage.setItem('lastmile-lang', l);
          localStorage.setItem('lastmile-scheme', s);
        }, [lang, scheme]);
        page = await watchedPage(fresh, base);
      }
      page.complaints.length = 0;
      try {
        await shot.open(page);
        if (shot.wait) await page.waitForTimeout(shot.wait);
        const wide = await sideways(page);
        if (wide > 0) failures.push(`${name}: scrolls ${wide} px sideways`);
        for (const finding of await axe(page)) failures.push(`${name}: ${finding}`);
        for (const complaint of page.complaints) failures.push(`${name}: ${complaint}`);
      } catch (error) {
        failures.push(`${name}: ${String(error.message).split('\n').slice(0, 4).join(' ')}`);
      }
      await page.screenshot({ path: join(OUT, `${name}.png`), fullPage: !shot.viewport });
      if (page !== signedIn) await page.context().close();
      taken.push({ name, part, size });
      process.stdout.write('.');
    }
    await context.close();
  }
}

const stands = [];
try {
  const real = process.env.BASE_URL ? { base: process.env.BASE_URL, stop() {} } : await mock();
  stands.push(real);
  const wanted = shots.filter((s) => !(process.env.BASE_URL && s.mockOnly));
  await run(wanted.filter((s) => !s.last), real.base, 'Data as in an ISP');
  await run(wanted.filter((s) => s.last), real.base, 'Data as in an ISP');
  if (!process.env.BASE_URL) {
    const none = await mock('--empty');
    stands.push(none);
    const first = await mock('--setup', '--empty');
    stands.push(first);
    await run(setup, first.base, 'First run');
    await run(empty, none.base, 'Nothing yet');
    const much = await mock('--huge', '--customers', '4000');
    stands.push(much);
    await run(huge, much.base, 'Far too much');
  }
  if (!ONLY) {
    const parts = [...new Set(taken.map((t) => t.part))];
    const html = `<!doctype html><meta charset="utf-8"><title>Lastmile: every page</title><style>body{font:13px system-ui;margin:20px;background:#e9ecf2;color:#111}h2{margin:24px 0 8px}div{display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start}figure{margin:0;width:330px}figure.phone{width:150px}img{width:100%;max-height:420px;object-fit:cover;object-position:top;border:1px solid #bbb;border-radius:4px;background:#fff}figcaption{font-size:11px;overflow-wrap:anywhere}</style><h1>Every page</h1>${parts
      .map((part) => `<h2>${part}</h2><div>${taken.filter((t) => t.part === part).map((t) => `<figure class="${t.size}"><a href="${t.name}.png"><img src="${t.name}.png" alt=""></a><figcaption>${t.name}</figcaption></figure>`).join('')}</div>`)
      .join('')}`;
    writeFileSync(join(OUT, 'index.html'), html);
    const page = await browser.newPage({ viewport: { width: 1800, height: 900 } });
    await page.goto(`file://${join(OUT, 'index.html')}`);
    await page.waitForLoadState('load');
    await page.screenshot({ path: join(OUT, 'contact-sheet.png'), fullPage: true });
  }
} finally {
  await browser.close();
  for (const stand of stands) stand.stop();
}
console.log(`\n${taken.length} screenshots in ${OUT}`);
if (failures.length > 0) {
  console.error(`${failures.length} findings:\n${[...new Set(failures)].join('\n')}`);
  process.exit(1);
}
