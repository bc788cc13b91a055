// The branch switch: which branch's rows the pages read. One choice for all of them, sent as a header with every read
// (see api/client), kept in the browser. `null` is all branches that the signed-in person sees.
import { useSyncExternalStore } from 'react';

const STORE = 'lastmile-branch';
const listeners = new Set<() => void>();
let current: string | null = read();

function read(): string | null {
  try {
    const kept = localStorage.getItem(STORE);
    return kept !== null && /^[0-9A-Za-z]{1,40}$/.test(kept) ? kept : null;
  } catch {
    return null;
  }
}

export function currentBranch(): string | null {
  return current;
}

/** Chooses a branch, or all of them. Whoever calls this sees to it that everything is read again. */
export function chooseBranch(id: string | null): void {
  if (id === current) return;
  current = id;
  try {
    if (id === null) localStorage.removeItem(STORE);
    else localStorage.setItem(STORE, id);
  } catch {
    // Forgotten at the next visit, nothing worse.
  }
  for (const listener of listeners) listener();
}

/** What of the kept choice holds for somebody who sees these branches: a branch that is gone, or not theirs, is all. */
export function validBranch(chosen: string | null, seen: { id: string }[]): string | null {
  return chosen !== null && seen.some((branch) => branch.id === chosen) ? chosen : null;
}

export function useBranch(): string | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    currentBranch,
  );
}
