// The office by hand in a browser, on a real controller: settings that are refused and saved, the words of a message with
// their preview, the way out with a test that arrives at a real mail server, a branch with its calendar and accounts, a
// backup that is made and fetched; and a second window that shows each change by itself. SHOTS_DIR=… keeps pictures.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { apiOf, controller, inbox } from './controller.mjs';
import { axe, launch, sideways, signIn, watchedPage } from './lib.mjs';

const OWNER = ['farhana', 'a payment opens the line'];
const SHOTS = process.env.SHOTS_DIR;
if (SHOTS) mkdirSync(SHOTS, { recursive: true });
const isp = await controller(...OWNER);
const mail = await inbox();
const browser = await launch();
const wide = { locale: 'en-GB', timezoneId: 'Asia/Dhaka', viewport: { width: 1360, height: 860 }, acceptDownloads: true };
let failed = true;
try {
  const page = await watchedPage(await browser.newContext(wide), isp.base);
  const other = await watchedPage(await browser.newContext(wide), isp.base);
  for (const one of [page, other]) {
    one.setDefaultTimeout(20_000);
    await one.addInitScript(() => localStorage.setItem('lastmile-lang', 'en'));
    await signIn(one, ...OWNER);
  }
  const api = async (...args) => {
    const { status, body } = await apiOf(page)(...args);
    assert.ok(status < 300, `${args[0]} ${args[1]}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  const seen = async (name) => {
    assert.deepEqual(await axe(page), [], `${name} is accessible`);
    assert.ok((await sideways(page)) <= 0, `${name} scrolls sideways`);
    if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  };
  const setting = async (section, key) => (await api('GET', '/settings')).sections.find((s) => s.name === section).settings.find((s) => s.key === key);

  await step('a setting that is wrong is refused in its place, the right one is saved and shows elsewhere', async () => {
    await other.goto(`${isp.base}/settings/dunning`);
    await other.locator('#setting-dunning_grace_days').waitFor();
    await page.goto(`${isp.base}/settings/company`);
    await page.locator('#setting-company_bin').fill('123');
    await page.getByRole('button', { name: 'Save 1 change' }).click();
    await page.locator('.mantine-InputWrapper-error, .lm-field-error').first().waitFor();
    await seen('settings-refused');
    await page.locator('#setting-company_bin').fill('0001234567890');
    await page.getByRole('link', { name: 'Dunning', exact: true }).last().click();
    await page.locator('#setting-dunning_grace_days').fill('5');
    await page.getByRole('button', { name: 'Save 2 changes' }).click();
    await page.getByText('2 settings saved').waitFor();
    assert.equal((await setting('company', 'company.bin')).value, '0001234567890');
    assert.equal((await setting('dunning', 'dunning.grace_days')).value, 5);
    await until('the other window shows it', async () => (await other.locator('#setting-dunning_grace_days').inputValue()) === '5');
    await seen('settings-saved');
  });

  await step('the way out is set up, and a test arrives', async () => {
    await page.goto(`${isp.base}/settings/channels`);
    const email = page.locator('form').filter({ has: page.getByRole('heading', { name: /^E-mail/ }) });
    await email.getByLabel('Server').fill('127.0.0.1');
    await email.getByLabel('Port').fill(String(mail.server.port));
    await email.getByLabel('User name').fill(mail.server.username);
    await email.getByRole('textbox', { name: 'Password' }).fill(mail.server.password);
    await email.getByText('Answers, pace, certificates').click();
    await email.getByLabel('Further certificates (PEM)').fill(mail.server.ca_pem);
    await email.getByLabel('Sender’s address').or(email.getByLabel("Sender's address")).fill('office@isp.example');
    await email.getByRole('button', { name: 'Save' }).click();
    await page.getByText('E-mail saved', { exact: false }).waitFor();
    await email.getByLabel('Test to').fill('farhana@isp.example');
    await email.getByRole('button', { name: 'Send a test' }).click();
    const result = email.locator('.lm-test-result');
    await result.locator('.lm-pill').waitFor();
    assert.match((await result.textContent()) ?? '', /^Taken/);
    assert.ok(await mail.message((m) => m.to.includes('farhana@isp.example')));
    assert.equal(await email.getByRole('textbox', { name: 'Password' }).inputValue(), '', 'the password does not come back');
    await email.getByLabel('Port').fill('1');
    await email.getByRole('button', { name: 'Save' }).click();
    await email.getByRole('button', { name: 'Send a test' }).and(page.locator(':enabled')).waitFor();
    await email.getByRole('button', { name: 'Send a test' }).click();
    await email.getByText('Takes nothing', { exact: true }).or(email.getByText('Not now', { exact: true })).waitFor();
    await seen('channels');
  });

  await step('the words of a message: a wrong one is named, the preview is filled in and counted', async () => {
    await page.goto(`${isp.base}/settings/templates`);
    await page.getByRole('link', { name: 'Payment receipt' }).or(page.getByRole('link', { name: /receipt/i })).first().click();
    const text = page.getByLabel('Text, English');
    await text.fill('{company}: {amout} received');
    await page.getByText('amout', { exact: false }).and(page.locator('.mantine-InputWrapper-error')).waitFor();
    await text.fill('{company}: {amount} received, receipt {number}. Thank you!');
    await page.locator('.mantine-InputWrapper-error').waitFor({ state: 'detached' });
    const bubble = page.getByRole('note', { name: 'Preview' }).first();
    await until('the preview is filled in', async () => /received, receipt \S+\. Thank you!/.test((await bubble.textContent()) ?? '') && !(await bubble.textContent())?.includes('{'));
    await page.getByText(/\d+ characters, 1 SMS/).first().waitFor();
    await seen('template');
    await page.getByRole('button', { name: 'Save 1 text' }).click();
    await page.getByText('saved.', { exact: false }).first().waitFor();
    const kept = (await api('GET', '/notice-templates')).items.find((x) => x.template === 'payment_receipt');
    assert.match(kept.texts.find((x) => x.language === 'en' && x.channel === 'sms').body, /Thank you!$/);
  });

  await step('a branch is opened, with its calendar and an account; one with something in it stays', async () => {
    await page.goto(`${isp.base}/branches`);
    await page.getByRole('button', { name: 'Open a branch' }).click();
    const form = page.getByRole('dialog');
    await form.getByRole('textbox', { name: 'Name', exact: true }).fill('Savar');
    await form.getByLabel('Invoices begin with').fill('SAV-');
    await form.getByRole('button', { name: 'Open a branch' }).click();
    await page.getByRole('heading', { name: 'Savar', level: 1 }).waitFor();
    await page.getByRole('button', { name: 'Edit' }).nth(1).click();
    await page.getByRole('button', { name: 'Add a holiday' }).click();
    await page.getByLabel('Day', { exact: true }).fill('2026-12-16');
    await page.getByRole('dialog').getByLabel('Name').fill('Victory Day');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByText('Victory Day').first().waitFor();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Edit' }).nth(2).click();
    await page.getByRole('button', { name: 'Add an account' }).click();
    await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Islami Bank, Savar');
    await page.getByRole('dialog').getByRole('textbox', { name: 'Number' }).fill('2050-1234');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByText('Islami Bank, Savar').first().waitFor();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await seen('branch');
    await page.goto(`${isp.base}/branches`);
    await seen('branches');
  });

  await step('a backup is made, read back and fetched', async () => {
    await page.goto(`${isp.base}/settings/backups`);
    await page.getByRole('button', { name: 'Back up now' }).click();
    await page.getByText('Read back', { exact: true }).first().waitFor({ timeout: 60_000 });
    await seen('backups');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /^Fetch the backup/ }).first().click()]);
    assert.match(file.suggestedFilename(), /lastmile/);
  });

  await step('all of it stands in the record', async () => {
    await page.goto(`${isp.base}/audit`);
    for (const what of ['Settings changed', 'E-mail or SMS set up', 'Message text changed', 'Branch opened', 'Backup made']) await page.getByText(what, { exact: true }).first().waitFor();
    await seen('audit');
    await page.goto(`${isp.base}/outbox`);
    await page.locator('.lm-outbox, .lm-empty').first().waitFor();
    await seen('outbox');
  });

  assert.deepEqual(page.complaints, [], 'the pages complain');
  failed = false;
} finally {
  await browser.close();
  mail.stop();
  if (failed) console.error(isp.log().split('\n').slice(-40).join('\n'));
  await isp.stop().catch((why) => {
    if (!failed) throw why;
    console.error(why.message);
  });
}

async function until(what, holds, ms = 20_000) {
  const end = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function step(name, act) {
  const began = performance.now();
  try {
    await act();
  } catch (why) {
    console.error(`FAILED ${name}`);
    throw why;
  }
  console.log(`ok ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
}
