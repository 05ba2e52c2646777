/** The jobs and runs that the panel shows, kept up to date. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

import type { Api } from './api.ts';
import { Live } from './live.ts';
import { asProblem } from './problems.ts';
import type { Problem } from './problems.ts';
import type { Change, JobState, JobView, RunState, RunView } from './types.ts';

export type Tab = 'jobs' | 'runs';

export interface Filter {
  search: string;
  jobState: JobState | '';
  runState: RunState | '';
  /** Runs of this job alone. */
  job: { id: string; name: string } | null;
  /** For administrators: everybody's. */
  everybody: boolean;
}

const NONE: Filter = { search: '', jobState: '', runState: '', job: null, everybody: false };
const STEP = 50;
// Many changes at once are one look.
const GATHER_MS = 250;

export class JobsModel {
  readonly api: Api;
  tab: Tab = 'jobs';
  filter: Filter = NONE;
  jobs: JobView[] = [];
  runs: RunView[] = [];
  totals = { jobs: 0, runs: 0 };
  shown = { jobs: STEP, runs: STEP };
  loaded = false;
  live = false;
  problem: Problem | null = null;
  admin = false;

  private readonly _changed = new Signal<JobsModel, void>(this);
  private readonly _messaged = new Signal<JobsModel, void>(this);
  private _timer = 0;
  private _asked = 0;
  private readonly _live: Live;

  constructor(api: Api) {
    this.api = api;
    this._live = new Live(api, {
      changed: change => this._heard(change),
      lookAgain: () => {
        this._soon();
        this._messaged.emit();
      },
      live: live => {
        this.live = live;
        this._changed.emit();
      }
    });
  }

  /** What is shown has changed. */
  get changed(): ISignal<JobsModel, void> {
    return this._changed;
  }

  /** There may be a new message. */
  get messaged(): ISignal<JobsModel, void> {
    return this._messaged;
  }

  start(): void {
    void this._live.run();
    this.api
      .me()
      .then(me => {
        this.admin = me.admin;
        this._changed.emit();
      })
      .catch(() => {
        // The lists say what is wrong; without an answer nobody is an administrator.
      });
  }

  /** Something beside the lists that is shown has changed. */
  touch(): void {
    this._changed.emit();
  }

  show(tab: Tab): void {
    this.tab = tab;
    this._changed.emit();
  }

  narrow(change: Partial<Filter>): void {
    this.filter = { ...this.filter, ...change };
    this.shown = { jobs: STEP, runs: STEP };
    this._changed.emit();
    this._soon();
  }

  more(tab: Tab): void {
    this.shown = { ...this.shown, [tab]: this.shown[tab] + STEP };
    this._soon();
  }

  /** Ask for both lists; an answer that a later question overtook is dropped. */
  async refresh(): Promise<void> {
    const asked = ++this._asked;
    const { search, jobState, runState, job, everybody } = this.filter;
    try {
      const [jobs, runs] = await Promise.all([
        this.api.jobs({
          search,
          state: jobState,
          everybody: everybody ? 'true' : undefined,
          limit: this.shown.jobs
        }),
        this.api.runs({
          search,
          state: runState,
          job: job?.id,
          everybody: everybody && !job ? 'true' : undefined,
          limit: this.shown.runs
        })
      ]);
      if (asked !== this._asked) {
        return;
      }
      this.jobs = jobs.jobs;
      this.runs = runs.runs;
      this.totals = { jobs: jobs.total, runs: runs.total };
      this.problem = null;
      this.loaded = true;
    } catch (error) {
      if (asked === this._asked) {
        this.problem = asProblem(error);
      }
    }
    this._changed.emit();
  }

  dispose(): void {
    this._live.stop();
    clearTimeout(this._timer);
    Signal.clearData(this);
  }

  private _heard(change: Change): void {
    if (change.kind === 'message') {
      this._messaged.emit();
    } else {
      this._soon();
    }
  }

  private _soon(): void {
    if (!this._timer) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this.refresh();
      }, GATHER_MS);
    }
  }
}
