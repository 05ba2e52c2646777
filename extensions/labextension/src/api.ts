/** The only caller of the server: everything else of the extension goes through here. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { ServiceError } from './problems.ts';
import type { Problem } from './problems.ts';
import { EventReader } from './sse.ts';
import { wholeLetters } from './utf8.ts';
import type {
  Brought,
  Change,
  Equivalent,
  JobBody,
  JobView,
  MadeJob,
  Me,
  Message,
  Plain,
  Preview,
  Run,
  RunView,
  Said,
  Session
} from './types.ts';

export type Query = Record<string, string | number | undefined>;
export type JobAction = 'suspend' | 'resume' | 'arm';

export interface LogPiece {
  text: string;
  next: number;
}

export class Api {
  private readonly _settings: ServerConnection.ISettings;

  constructor(settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {
    this._settings = settings;
  }

  me(): Promise<Me> {
    return this._json('GET', 'me');
  }

  session(path: string, kernel: string): Promise<Session> {
    return this._json('GET', '../session', { path, kernel });
  }

  /** Bring a notebook, as the text of its file. */
  bring(path: string, content: string): Promise<Brought> {
    return this._json('POST', 'notebooks', { path }, content, 'application/x-ipynb+json');
  }

  preview(cron: string, zone: string): Promise<Preview> {
    return this._send('POST', 'preview', { cron, zone });
  }

  jobs(query: Query): Promise<{ jobs: JobView[]; total: number }> {
    return this._json('GET', 'jobs', query);
  }

  job(id: string): Promise<JobView> {
    return this._json('GET', `jobs/${id}`);
  }

  addJob(body: JobBody): Promise<MadeJob> {
    return this._send('POST', 'jobs', body);
  }

  changeJob(id: string, body: Partial<JobBody>): Promise<MadeJob> {
    return this._send('PATCH', `jobs/${id}`, body);
  }

  deleteJob(id: string): Promise<{ kept: Said }> {
    return this._json('DELETE', `jobs/${id}`);
  }

  act(id: string, action: JobAction): Promise<unknown> {
    return this._send('POST', `jobs/${id}/${action}`, {});
  }

  runNow(id: string, parameters?: Record<string, Plain>): Promise<Run> {
    return this._send('POST', `jobs/${id}/run`, parameters ? { parameters } : {});
  }

  equivalent(id: string): Promise<Equivalent> {
    return this._json('GET', `jobs/${id}/equivalent`);
  }

  runs(query: Query): Promise<{ runs: RunView[]; total: number }> {
    return this._json('GET', 'runs', query);
  }

  run(id: string): Promise<RunView> {
    return this._json('GET', `runs/${id}`);
  }

  cancel(id: string): Promise<unknown> {
    return this._send('POST', `runs/${id}/cancel`, {});
  }

  again(id: string, parameters?: Record<string, Plain>): Promise<Run> {
    return this._send('POST', `runs/${id}/again`, parameters ? { parameters } : {});
  }

  /** The log from a byte on, and where to read on. */
  async log(id: string, offset: number): Promise<LogPiece> {
    const answer = await this._ask('GET', `runs/${id}/log`, { offset });
    const bytes = await answer.arrayBuffer();
    const whole = wholeLetters(new Uint8Array(bytes));
    return { text: new TextDecoder().decode(whole), next: offset + whole.byteLength };
  }

  /** Where a browser finds the HTML copy of a run's output. */
  htmlAddress(id: string): string {
    return this._address(`runs/${id}/output.html`);
  }

  messages(after: number): Promise<Message[]> {
    return this._json('GET', 'messages', { after });
  }

  readMessages(upTo: number): Promise<unknown> {
    return this._send('POST', 'messages/read', { up_to: upTo });
  }

  /** Changes as they come, after the event `last`, until the stream ends or `signal` aborts. */
  async *changes(last: string, signal: AbortSignal): AsyncGenerator<{ id: string; change: Change | null }> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (last) {
      headers['Last-Event-ID'] = last;
    }
    const answer = await this._ask('GET', 'changes', {}, { headers, signal });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    const events = new EventReader();
    // The stream stands: whoever listens may stop asking.
    yield { id: last, change: null };
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        return;
      }
      for (const event of events.push(value)) {
        yield { id: event.id, change: JSON.parse(event.data) as Change };
      }
    }
  }

  private _address(path: string, query: Query = {}): string {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
    const place = path.startsWith('../') ? path.slice(3) : `jobs/${path}`;
    return (
      URLExt.join(this._settings.baseUrl, 'nacelle', place) +
      (given.length ? '?' + new URLSearchParams(given.map(([k, v]) => [k, String(v)])) : '')
    );
  }

  private _send<T>(method: string, path: string, body: unknown): Promise<T> {
    return this._json(method, path, {}, JSON.stringify(body), 'application/json');
  }

  private async _json<T>(
    method: string,
    path: string,
    query: Query = {},
    body?: string,
    type?: string
  ): Promise<T> {
    const headers: Record<string, string> = type ? { 'Content-Type': type } : {};
    const answer = await this._ask(method, path, query, { body, headers });
    const text = await answer.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  private async _ask(
    method: string,
    path: string,
    query: Query = {},
    init: RequestInit = {}
  ): Promise<Response> {
    const answer = await ServerConnection.makeRequest(
      this._address(path, query),
      { ...init, method },
      this._settings
    );
    if (!answer.ok) {
      throw new ServiceError(answer.status, await problemOf(answer));
    }
    return answer;
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    const raw = (await answer.json()) as Problem & { message?: string };
    return { ...raw, detail: raw.detail ?? raw.message };
  } catch {
    return { title: `${answer.status} ${answer.statusText}` };
  }
}
