// The demonstration ISP as `make run` starts it: real controller, real agent, simulated router; stopped at the end.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './lib.mjs';

const BIN = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug', 'lastmile-testbed');

/** Starts it and waits until it greets; with BASE_URL in the environment, takes the one that runs there. The most it may take is bounded: it makes sixty customers. */
export async function demo() {
  const running = process.env.BASE_URL;
  if (running) {
    return {
      base: running,
      control: process.env.ROUTER_CONTROL ?? 'http://127.0.0.1:18729',
      status: process.env.AGENT_STATUS ?? 'http://127.0.0.1:8470',
      user: process.env.LASTMILE_USER ?? 'owner',
      password: process.env.LASTMILE_PASSWORD ?? 'demo-lastmile',
      stop: async () => {},
    };
  }
  const dir = mkdtempSync(join(tmpdir(), 'lastmile-browser-'));
  const child = spawn(BIN, ['demo', '--data', dir], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let said = '';
  const note = (piece) => { said += piece; };
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const stop = async () => {
    child.kill('SIGINT');
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    const code = await ended;
    clearTimeout(late);
    rmSync(dir, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the demonstration ended with ${code}:\n${said}`);
  };
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the demonstration does not greet:\n${said}`)), 180_000);
    child.stdout.on('data', () => {
      if (said.includes('Try it:')) { clearTimeout(timer); resolve(); }
    });
    child.once('exit', (code) => { clearTimeout(timer); reject(new Error(`the demonstration ended with ${code}:\n${said}`)); });
  });
  const found = (pattern) => {
    const match = pattern.exec(said);
    if (!match) throw new Error(`${pattern} is not in the greeting:\n${said}`);
    return match;
  };
  const [, user, password] = found(/sign in: (\S+) \/ (\S+)/);
  return {
    base: found(/console\s+(http:\/\/\S+)/)[1],
    control: found(/router's control (http:\/\/[^/\s]+)/)[1],
    status: found(/agent's page\s+(http:\/\/\S+)/)[1],
    user,
    password,
    stop,
  };
}
