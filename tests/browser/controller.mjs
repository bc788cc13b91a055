// A controller of its own for a story: empty data, an owner or nobody yet, its pages; and the mail server that its
// messages go to.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from './lib.mjs';

const BIN = process.env.LASTMILE_CONTROLLER ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug', 'lastmile-controller');
const PEERS = join(ROOT, 'tests', 'peers');
let interpreter;
/** The Python of the peers, with what the project's script has installed. */
function python() {
  interpreter ??= execFileSync(join(PEERS, 'venv.sh'), { encoding: 'utf8' }).trim();
  return interpreter;
}

/** The code that an authenticator app shows, now or some steps of 30 seconds later; not computed by us. */
export function totp(secret, steps = 0) {
  return execFileSync(python(), [join(PEERS, 'totp.py'), secret, String(steps)], { encoding: 'utf8' }).trim();
}

/** A mail server that keeps what it takes. */
export async function inbox() {
  const child = spawn(python(), [join(PEERS, 'smtp_inbox.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const messages = [];
  const waiting = [];
  let opened;
  const server = new Promise((resolve, reject) => {
    opened = resolve;
    child.once('exit', (code) => reject(new Error(`the mail server ended with ${code}`)));
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line);
    if (said.port !== undefined) return opened(said);
    messages.push(said);
    for (const look of waiting.splice(0)) look();
  });
  return {
    /** `port`, `ca_pem`, `username`, `password`. */
    server: await server,
    messages,
    /** The first message for which this holds, as soon as it is there. */
    async message(fits, ms = 30_000) {
      const end = performance.now() + ms;
      for (;;) {
        const found = messages.find(fits);
        if (found) return found;
        const left = end - performance.now();
        if (left <= 0) throw new Error(`no such message within ${ms} ms; there are ${JSON.stringify(messages)}`);
        await new Promise((resolve) => {
          waiting.push(resolve);
          setTimeout(resolve, left);
        });
      }
    },
    stop: () => child.stdin.end(),
  };
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts it with an owner, or without anybody: then the code of its log opens the first run. Waits until it answers. */
export async function controller(owner, password) {
  const dir = mkdtempSync(join(tmpdir(), 'lastmile-access-'));
  const [web, fleet] = [await freePort(), await freePort()];
  const base = `http://127.0.0.1:${web}`;
  const config = join(dir, 'controller.toml');
  writeFileSync(
    config,
    `[data]\ndir = ${JSON.stringify(join(dir, 'data'))}\n[web]\nlisten = "127.0.0.1:${web}"\npublic_url = "${base}"\n[fleet]\nlisten = "127.0.0.1:${fleet}"\npublic_addresses = ["127.0.0.1:${fleet}"]\n[log]\nlevel = "info"\n`,
  );
  if (owner) execFileSync(BIN, ['user', 'add', '--username', owner, '--role', 'owner', '--name', 'Farhana Haque', '--config', config], { input: `${password}\n`, stdio: ['pipe', 'ignore', 'inherit'] });
  const child = spawn(BIN, ['serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const note = (piece) => { said += piece; };
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let over = null;
  void ended.then((code) => { over = code ?? 'a signal'; });
  const end = performance.now() + 60_000;
  while (!(await fetch(`${base}/healthz`).then((r) => r.ok, () => false))) {
    if (over !== null || performance.now() > end) throw new Error(`the controller does not answer (${over}):\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    base,
    log: () => said,
    /** The code of the first run, as soon as the log has it. */
    async code(ms = 10_000) {
      const until = performance.now() + ms;
      for (;;) {
        const found = /nobody works here yet.*?code="?([\w-]+)/s.exec(said.replace(/\u001b\[[0-9;]*m/g, ''));
        if (found) return found[1];
        if (performance.now() > until) throw new Error(`no code in the log:\n${said}`);
        await new Promise((resolve) => child.stdout.once('data', resolve));
      }
    },
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
      const code = await ended;
      clearTimeout(late);
      rmSync(dir, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the controller ended with ${code}:\n${said}`);
    },
  };
}

/** The interface as a page of the signed-in person uses it: with their session, and nothing else. */
export function apiOf(page) {
  return async (method, path, body, headers = {}) => {
    const answer = await page.evaluate(
      async ([m, p, b, h]) => {
        const response = await fetch(`/api/v1${p}`, {
          method: m,
          headers: { Accept: 'application/json', ...(m === 'GET' ? {} : { 'X-Requested-With': 'lastmile' }), ...(b === null ? {} : { 'Content-Type': 'application/json' }), ...h },
          body: b === null ? null : JSON.stringify(b),
        });
        const text = await response.text();
        return { status: response.status, body: text === '' ? null : JSON.parse(text) };
      },
      [method, path, body ?? null, headers],
    );
    return answer;
  };
}
