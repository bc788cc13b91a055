// The one way to the server: JSON over fetch with the session cookie. An answer that is not a success becomes a
// Problem (RFC 9457), with the fields that the server complains about, so that forms can show them in place. Reads carry
// the branch of the switch, so that every list, figure and export is of that branch alone.
import { currentBranch } from '../shared/branch';

export interface FieldError {
  field: string;
  message: string;
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly fields: FieldError[] = [],
    readonly reference: string | null = null,
    /** The stable name of the kind of problem, `area_in_use`. */
    readonly code: string = '',
  ) {
    super(detail || title);
    this.name = 'Problem';
  }
  /** Nothing came back at all: the network, or the server is away. */
  get offline(): boolean {
    return this.status === 0;
  }
  field(name: string): string | undefined {
    return this.fields.find((f) => f.field === name || f.field.endsWith(`.${name}`))?.message;
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;
interface Options {
  query?: Query;
  body?: unknown;
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** Of all branches, whatever the switch says. */
  everywhere?: boolean;
}

const TIMEOUT_MS = 20_000;
// Routes for people who are not signed in: a refusal there says nothing about a session.
const OPEN = /^\/(login|setup|invitations|password-reset)(\/|$)/;
let onSignedOut: () => void = () => {};
/** Called once an answer says that nobody is signed in any more. */
export function setSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

export function url(path: string, query?: Query): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === '') continue;
    parts.push(`${key}=${encodeURIComponent(String(value))}`);
  }
  return `/api/v1${path}${parts.length > 0 ? `?${parts.join('&')}` : ''}`;
}

async function send(method: string, path: string, options: Options, accept: string): Promise<Response> {
  const headers: Record<string, string> = { Accept: accept };
  const branch = currentBranch();
  if (method === 'GET' && branch !== null && !options.everywhere) headers['Lastmile-Branch'] = branch;
  if (method !== 'GET') headers['X-Requested-With'] = 'lastmile';
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.idempotencyKey) headers['Idempotency-Key'] = options.idempotencyKey;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(url(path, options.query), {
      method,
      headers,
      credentials: 'same-origin',
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, 'offline', '');
  }
  if (response.ok) return response;
  const problem = await readProblem(response);
  if (response.status === 401 && !OPEN.test(path)) onSignedOut();
  throw problem;
}

async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const response = await send(method, path, options, 'application/json');
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

async function readProblem(response: Response): Promise<Problem> {
  const reference = response.headers.get('x-request-id');
  try {
    const body = (await response.json()) as {
      type?: string;
      title?: string;
      detail?: string;
      errors?: FieldError[];
      reference?: string;
    };
    return new Problem(
      response.status,
      body.title ?? response.statusText,
      body.detail ?? '',
      Array.isArray(body.errors) ? body.errors : [],
      body.reference ?? reference?.slice(0, 8) ?? null,
      (body.type ?? '').split('/').pop() ?? '',
    );
  } catch {
    return new Problem(response.status, response.statusText, '', [], reference?.slice(0, 8) ?? null);
  }
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) =>
    call<T>('GET', path, { ...(query ? { query } : {}), ...(signal ? { signal } : {}) }),
  /** A read that the branch switch does not narrow: who I am, which branches there are. */
  everywhere: <T>(path: string, query?: Query, signal?: AbortSignal) =>
    call<T>('GET', path, { everywhere: true, ...(query ? { query } : {}), ...(signal ? { signal } : {}) }),
  post: <T>(path: string, body?: unknown, idempotencyKey?: string) =>
    call<T>('POST', path, { body: body ?? {}, ...(idempotencyKey ? { idempotencyKey } : {}) }),
  patch: <T>(path: string, body: unknown) => call<T>('PATCH', path, { body }),
  put: <T>(path: string, body: unknown) => call<T>('PUT', path, { body }),
  delete: <T>(path: string) => call<T>('DELETE', path),
};

/** Saves a file that the server makes, of the branch of the switch. A plain link could not say which branch. */
export async function download(path: string, query: Query, filename: string): Promise<void> {
  const response = await send('GET', path, { query }, '*/*');
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = address;
  link.download = filename;
  link.click();
  // The browser reads it after the click has been handled.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** A key for one form: sending it twice does the work once. Works on plain http too, where randomUUID is absent. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}
