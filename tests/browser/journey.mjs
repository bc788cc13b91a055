// The main job, by hand in a browser, on the demonstration ISP: a customer is made, the line goes live with a moving
// rate, the minute runs out, the line is verified held, a cash payment opens it again. Then the same in Bangla on
// a phone, for a hold by hand that a payment does not open. What is true is asked of the router.
import assert from 'node:assert/strict';
import { demo } from './demo.mjs';
import { axe, launch, sideways, signIn, watchedPage } from './lib.mjs';

const isp = await demo();
const browser = await launch();
let failed = true;
try {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Asia/Dhaka', viewport: { width: 1360, height: 860 } });
  const page = await watchedPage(context, isp.base);
  page.setDefaultTimeout(20_000);
  await signIn(page, isp.user, isp.password);

  await step('a customer with a line is made', async () => {
    await page.goto(`${isp.base}/customers?new=true`);
    await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Rahima Begum');
    await page.getByRole('dialog').getByLabel('Phone').fill('01712846093');
    await choose(page, 'Package', /Minute 20/);
    await choose(page, 'Router', /.+/);
    await page.getByRole('dialog').getByLabel('PPPoE user').fill('rahima.begum');
    await page.getByRole('button', { name: 'Create customer and line' }).click();
    await page.waitForURL(/\/customers\/[0-9A-Z]{26}/);
  });
  const address = new URL(page.url()).pathname;

  await step('the line goes live, with a moving rate', async () => {
    await pill(page, 'Open, verified', 30_000);
    await routerHas({ disabled: false, online: true });
    await page.goto(`${isp.base}${address}`);
    const rate = page.getByTestId('live-rate');
    await rate.waitFor();
    const first = await rate.textContent();
    await until('the rate moves', 30_000, async () => (await rate.textContent()) !== first);
  });

  await step('its minute runs out and it is verified held', async () => {
    await page.goto(`${isp.base}${address}?tab=line`);
    await pill(page, 'Held, verified', 110_000);
    await routerHas({ disabled: true, online: false });
  });

  await step('a cash payment opens it again', async () => {
    await page.getByRole('button', { name: 'Take payment' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Opens at once, nonpayment was the only hold').waitFor();
    assert.deepEqual(await axe(page), [], 'the payment form is accessible');
    await dialog.locator('button[type="submit"]').click();
    await page.getByTestId('receipt-line').getByText('Line open, verified').waitFor({ timeout: 30_000 });
    await routerHas({ disabled: false, online: true });
    await page.getByRole('button', { name: 'Done' }).click();
    await pill(page, 'Open, verified', 10_000);
  });

  await step('a hold by hand is not opened by a payment', async () => {
    await page.getByRole('button', { name: 'Hold', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Why').fill('Asked by the office');
    await dialog.getByRole('button', { name: /^Hold rahima/ }).click();
    await pill(page, 'Held, verified', 30_000);
    await page.getByRole('button', { name: 'Take payment' }).first().click();
    await page.getByRole('dialog').getByText('A payment does not open that', { exact: false }).first().waitFor();
    await page.getByRole('dialog').locator('button[type="submit"]').click();
    await page.getByTestId('receipt-line').getByText('The line stays held', { exact: false }).waitFor();
    await routerHas({ disabled: true, online: false });
  });

  await step('the same page in Bangla on a phone holds together', async () => {
    const phone = await browser.newContext({ locale: 'bn-BD', timezoneId: 'Asia/Dhaka', viewport: { width: 390, height: 844 }, hasTouch: true });
    const small = await watchedPage(phone, isp.base);
    await small.addInitScript(() => localStorage.setItem('lastmile-lang', 'bn'));
    await signIn(small, isp.user, isp.password);
    for (const path of ['/customers', address, '/network']) {
      await small.goto(`${isp.base}${path}`);
      await small.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => {});
      assert.ok((await sideways(small)) <= 0, `${path} scrolls sideways`);
      assert.deepEqual(await axe(small), [], `${path} is accessible`);
    }
    assert.deepEqual(small.complaints, []);
    await phone.close();
  });

  await step('the technician sees the held line and why', async () => {
    const html = await (await fetch(isp.status)).text();
    assert.match(html, /rahima\.begum/);
  });

  assert.deepEqual(page.complaints, [], 'the pages complain');
  failed = false;
} finally {
  await browser.close();
  await isp.stop().catch((why) => {
    if (!failed) throw why;
    console.error(why.message);
  });
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

/** Chooses the first entry of a select that matches. */
async function choose(page, label, text) {
  await page.getByRole('dialog').getByRole('combobox', { name: label }).click();
  const options = page.locator('[role="option"]:visible');
  await options.filter({ hasText: text }).first().click();
  // The list fades out: it must not be taken for the next one.
  await options.first().waitFor({ state: 'hidden' });
}

async function pill(page, words, timeout) {
  await page.getByTestId('line-pill').filter({ hasText: words }).first().waitFor({ timeout });
}

async function until(what, ms, look) {
  const end = performance.now() + ms;
  for (;;) {
    if (await look()) return;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** What the router itself says of the secret. */
async function routerHas(wanted) {
  let last;
  await until(`the router has ${JSON.stringify(wanted)}`, 15_000, async () => {
    last = await (await fetch(`${isp.control}/secrets?name=rahima.begum`)).json();
    return last.disabled === wanted.disabled && last.online === wanted.online;
  }).catch((why) => {
    throw new Error(`${why.message}; it has ${JSON.stringify(last)}`);
  });
}
