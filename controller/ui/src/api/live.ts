// Live figures. One EventSource a tab, reopened with the lines that are on the screen. Rates never pass through
// the query cache: they go into small rings here and wake only the components that show them, once a frame.
// A tab that nobody sees closes its stream after a minute, since a browser allows six connections to a server.
import { useEffect, useSyncExternalStore } from 'react';
import type { Rate } from './types';

export type Link = 'connecting' | 'live' | 'reconnecting';
export interface Changed {
  kind: string;
  id: string;
}

const KEEP_MS = 15 * 60_000;
const HIDDEN_CLOSE_MS = 60_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 20_000;
const REOPEN_MS = 60;

type Wake = () => void;

class LiveHub {
  private source: EventSource | null = null;
  private watched = new Map<string, number>();
  private openFor = '';
  private rings = new Map<string, Rate[]>();
  private rateWakes = new Map<string, Set<Wake>>();
  private linkWakes = new Set<Wake>();
  private changeListeners = new Set<(change: Changed) => void>();
  private againListeners = new Set<Wake>();
  private retryMs = FIRST_RETRY_MS;
  private retryTimer: number | undefined;
  private reopenTimer: number | undefined;
  private hiddenTimer: number | undefined;
  private dirty = new Set<string>();
  private frame = 0;
  private running = false;
  private hadContact = false;
  link: Link = 'connecting';
  /** When the stream broke, for "as of". */
  brokeAt: number | null = null;

  start(): void {
    if (this.running) return;
    this.running = true;
    document.addEventListener('visibilitychange', this.onVisibility);
    this.open();
  }

  stop(): void {
    this.running = false;
    this.hadContact = false;
    document.removeEventListener('visibilitychange', this.onVisibility);
    clearTimeout(this.retryTimer);
    this.close();
    this.rings.clear();
    this.setLink('connecting');
  }

  watch(id: string): () => void {
    this.watched.set(id, (this.watched.get(id) ?? 0) + 1);
    this.reopenSoon();
    return () => {
      const left = (this.watched.get(id) ?? 1) - 1;
      if (left > 0) this.watched.set(id, left);
      else this.watched.delete(id);
      this.reopenSoon();
    };
  }

  onChanged(listener: (change: Changed) => void): () => void {
    this.changeListeners.add(listener);
    return () => this.changeListeners.delete(listener);
  }

  /** After a break: whatever was missed must be read again. */
  onAgain(listener: Wake): () => void {
    this.againListeners.add(listener);
    return () => this.againListeners.delete(listener);
  }

  subscribeLink = (wake: Wake): (() => void) => {
    this.linkWakes.add(wake);
    return () => this.linkWakes.delete(wake);
  };

  subscribeRate(id: string, wake: Wake): () => void {
    const set = this.rateWakes.get(id) ?? new Set<Wake>();
    this.rateWakes.set(id, set.add(wake));
    return () => set.delete(wake);
  }

  rates(id: string): Rate[] | undefined {
    return this.rings.get(id);
  }

  /** Puts what the server remembers under what has come live since. */
  seed(id: string, past: Rate[]): void {
    const have = this.rings.get(id) ?? [];
    const first = have[0]?.at;
    const older = first === undefined ? past : past.filter((r) => r.at < first);
    this.rings.set(id, [...older, ...have]);
    this.wakeRate(id);
  }

  private push(id: string, rate: Rate): void {
    const since = Date.parse(rate.at) - KEEP_MS;
    const kept = (this.rings.get(id) ?? []).filter((r) => Date.parse(r.at) > since && r.at !== rate.at);
    this.rings.set(id, [...kept, rate]);
    this.wakeRate(id);
  }

  private wakeRate(id: string): void {
    this.dirty.add(id);
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const ids = [...this.dirty];
      this.dirty.clear();
      for (const one of ids) for (const wake of this.rateWakes.get(one) ?? []) wake();
    });
  }

  private reopenSoon(): void {
    if (!this.running) return;
    clearTimeout(this.reopenTimer);
    this.reopenTimer = window.setTimeout(() => {
      if (this.source && this.openFor === this.watchList()) return;
      this.open();
    }, REOPEN_MS);
  }

  private watchList(): string {
    return [...this.watched.keys()].sort().join(',');
  }

  private open(): void {
    if (!this.running) return;
    clearTimeout(this.retryTimer);
    this.close();
    this.openFor = this.watchList();
    const query = this.openFor ? `?watch=${encodeURIComponent(this.openFor)}` : '';
    const source = new EventSource(`/api/v1/live${query}`);
    this.source = source;
    source.onopen = () => {
      this.retryMs = FIRST_RETRY_MS;
      const broken = this.link === 'reconnecting';
      this.setLink('live');
      if (broken && this.hadContact) for (const again of this.againListeners) again();
      this.hadContact = true;
    };
    source.onerror = () => {
      // The browser's own retry has no backoff and gives up on HTTP errors: ours does neither.
      if (this.source !== source) return;
      this.close();
      this.setLink('reconnecting');
      const jitter = 0.5 + Math.random();
      this.retryTimer = window.setTimeout(() => this.open(), this.retryMs * jitter);
      this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
    };
    source.addEventListener('resync', () => {
      for (const again of this.againListeners) again();
    });
    source.addEventListener('changed', (e) => {
      const change = parse<Changed>(e);
      if (change) for (const listener of this.changeListeners) listener(change);
    });
    source.addEventListener('network', (e) => {
      const network = parse<{ pop_id: string }>(e);
      if (network) for (const listener of this.changeListeners) listener({ kind: 'pop', id: network.pop_id });
    });
    source.addEventListener('rate', (e) => {
      const rate = parse<Rate & { subscription_id: string }>(e);
      if (rate) {
        this.push(rate.subscription_id, {
          at: rate.at,
          down_bps: rate.down_bps,
          up_bps: rate.up_bps,
          online: rate.online,
        });
      }
    });
  }

  private close(): void {
    this.source?.close();
    this.source = null;
  }

  private setLink(link: Link): void {
    if (this.link === link) return;
    this.brokeAt = link === 'reconnecting' ? Date.now() : null;
    this.link = link;
    for (const wake of this.linkWakes) wake();
  }

  private onVisibility = (): void => {
    clearTimeout(this.hiddenTimer);
    if (document.hidden) {
      this.hiddenTimer = window.setTimeout(() => {
        clearTimeout(this.retryTimer);
        this.close();
      }, HIDDEN_CLOSE_MS);
    } else if (!this.source && this.running) {
      this.open();
      for (const again of this.againListeners) again();
    }
  };
}

function parse<T>(event: Event): T | null {
  try {
    return JSON.parse((event as MessageEvent<string>).data) as T;
  } catch {
    return null;
  }
}

export const live = new LiveHub();

export function useLink(): Link {
  return useSyncExternalStore(live.subscribeLink, () => live.link);
}

/** The rates of one line, newest last; watching makes the agent poll that line every 5 seconds. */
export function useRates(id: string | undefined): Rate[] | undefined {
  useEffect(() => (id ? live.watch(id) : undefined), [id]);
  return useSyncExternalStore(
    (wake) => (id ? live.subscribeRate(id, wake) : () => {}),
    () => (id ? live.rates(id) : undefined),
  );
}
