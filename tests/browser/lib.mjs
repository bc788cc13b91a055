// What the browser tests share: a Chromium, a signed-in page, and the complaints of a page (console errors, broken
// content security policy, sideways scrolling, accessibility findings).
import { createRequire } from 'node:module';
import { readFileSync, existsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const UI = join(ROOT, 'controller', 'ui');
// Playwright and axe come from the one lockfile of the pages.
const require = createRequire(join(UI, 'package.json'));
const { chromium } = require('playwright-core');
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const BROWSERS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export async function launch() {
  const executablePath = BROWSERS.find((path) => path && existsSync(path));
  if (!executablePath) throw new Error('no Chromium found: apt-get install chromium, or set CHROMIUM=/path');
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** A page that remembers what went wrong on it. */
export async function watchedPage(context, base) {
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    // A refused request is logged by the browser itself; tests that refuse on purpose say so.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => {
      console.error(`CSP ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile ?? ''}:${e.lineNumber}`);
    });
  });
  page.base = base;
  page.complaints = complaints;
  return page;
}

export async function signIn(page, user, password) {
  await page.goto(`${page.base}/login`);
  await page.locator('input[name="username"]').fill(user);
  await page.locator('input[name="password"]').fill(password);
  await page.locator('button[type="submit"]').click();
  await page.waitForURL(/\/customers/);
}

/** Accessibility findings of what is on the screen. By CDP: our policy would refuse a script tag. */
export async function axe(page) {
  const cdp = await page.context().newCDPSession(page);
  try {
    await cdp.send('Runtime.evaluate', { expression: `${AXE};0` });
    const { result, exceptionDetails } = await cdp.send('Runtime.evaluate', {
      expression: `axe.run(document,{runOnly:['wcag2a','wcag2aa','wcag21aa','wcag22aa','best-practice']}).then(r=>JSON.stringify(r.violations.map(v=>v.id+': '+v.nodes.slice(0,4).map(n=>n.target.join(' ')+' ('+(n.any[0]?.message??n.all[0]?.message??n.none[0]?.message??'')+')').join(' | '))))`,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return JSON.parse(result.value);
  } finally {
    await cdp.detach();
  }
}

/** How many pixels the page can be scrolled sideways: must be none. */
export function sideways(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** The developers' stand-in for the controller, on a free port. */
export async function mock(...args) {
  const port = 20000 + Math.floor(Math.random() * 20000);
  const child = spawn(process.execPath, [join(UI, 'dev', 'mock.mjs'), '--port', String(port), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`mock ended with ${code}`)));
  });
  return { base: `http://127.0.0.1:${port}`, stop: () => child.kill() };
}
