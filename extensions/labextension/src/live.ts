/**
 * Keeps a listener up to date: by the service's stream of changes, and by asking while there is none.
 *
 * 1. While the stream stands, nothing is asked.
 * 2. The service ends a stream now and then to recognise its reader anew: the next one goes on from
 *    the last event that was heard, at once.
 * 3. When it fails, or ends early, everything is asked for at once and then at intervals, and the stream is
 *    tried again after waits that double up to a minute. A change that was heard, or a stream that
 *    stood for a minute, begins with the short wait again.
 */
import type { Change } from './types.ts';

export interface Source {
  changes(
    last: string,
    signal: AbortSignal
  ): AsyncGenerator<{ id: string; change: Change | null }>;
}

export interface Listener {
  /** Something was changed. */
  changed(change: Change): void;
  /** Anything may have changed. */
  lookAgain(): void;
  /** Whether the stream stands. */
  live(live: boolean): void;
}

export interface Timing {
  firstWait: number;
  longestWait: number;
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
  now(): number;
}

export const TIMING: Timing = { firstWait: 2_000, longestWait: 60_000, wait: waitFor, now: Date.now };

export class Live {
  private readonly _source: Source;
  private readonly _listener: Listener;
  private readonly _timing: Timing;
  private readonly _stop = new AbortController();

  constructor(source: Source, listener: Listener, timing: Timing = TIMING) {
    this._source = source;
    this._listener = listener;
    this._timing = timing;
  }

  stop(): void {
    this._stop.abort();
  }

  /** Runs until it is stopped. */
  async run(): Promise<void> {
    let last = '';
    let wait = this._timing.firstWait;
    while (!this._stop.signal.aborted) {
      const began = this._timing.now();
      let whole = false;
      try {
        for await (const { id, change } of this._source.changes(last, this._stop.signal)) {
          last = id || last;
          if (change?.kind) {
            wait = this._timing.firstWait;
            this._listener.changed(change);
          } else if (!change) {
            this._listener.live(true);
            // What happened before the stream stood.
            this._listener.lookAgain();
          }
        }
        whole = true;
      } catch {
        // Whatever ended it, the next try tells; meanwhile the lists are asked for.
      }
      if (this._stop.signal.aborted) {
        return;
      }
      if (this._timing.now() - began >= this._timing.longestWait) {
        wait = this._timing.firstWait;
        if (whole) {
          continue;
        }
      }
      this._listener.live(false);
      await this._timing.wait(wait, this._stop.signal);
      wait = Math.min(wait * 2, this._timing.longestWait);
      this._listener.lookAgain();
    }
  }
}

function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
