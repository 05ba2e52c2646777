/** What the platform says to a person, as Lab's notifications: a run failed, a job was suspended. */
import { Notification } from '@jupyterlab/apputils';

import type { Api } from './api.ts';
import type { JobsModel } from './model.ts';
import type { Message } from './types.ts';
import type { Actions } from './ui.ts';
import { inLanguage } from './words.ts';
import type { Words } from './words.ts';

export class Messages {
  private readonly _api: Api;
  private readonly _actions: Actions;
  private readonly _trans: Words;
  private readonly _language: string;
  private _last = 0;
  private _asking: Promise<void> | null = null;
  private _again = false;

  constructor(api: Api, actions: Actions, trans: Words, language: string) {
    this._api = api;
    this._actions = actions;
    this._trans = trans;
    this._language = language;
  }

  follow(model: JobsModel): void {
    model.messaged.connect(() => this._look());
  }

  private _look(): void {
    if (this._asking) {
      this._again = true;
      return;
    }
    this._asking = this._ask()
      .catch(() => {
        // The panel says when the service is away.
      })
      .finally(() => {
        this._asking = null;
        if (this._again) {
          this._again = false;
          this._look();
        }
      });
  }

  private async _ask(): Promise<void> {
    const found = await this._api.messages(this._last);
    for (const message of found) {
      this._last = Math.max(this._last, message.id);
    }
    const unread = found.filter(one => !one.read);
    // After a long absence the newest few; all of them are in the panel's list of runs.
    unread.slice(-5).forEach(one => this._show(one));
    if (unread.length > 5) {
      await this._api.readMessages(unread[unread.length - 6].id);
    }
  }

  private _show(message: Message): void {
    const { run, id } = message;
    const read = (): void => {
      this._api.readMessages(id).catch(this._actions.failed);
    };
    const actions: Notification.IAction[] = [
      {
        label: this._trans.__('Show jobs and runs'),
        callback: () => {
          read();
          this._actions.showJobs();
        }
      }
    ];
    if (run) {
      actions.unshift({
        label: this._trans.__('Log'),
        callback: () => {
          read();
          this._openLog(run).catch(this._actions.failed);
        }
      });
    }
    actions.push({ label: this._trans.__('Read'), callback: read, displayType: 'link' });
    Notification.warning(inLanguage(message.said, this._language), { autoClose: false, actions });
  }

  private async _openLog(id: string): Promise<void> {
    const run = await this._api.run(id);
    this._actions.openLog(run, run.job_name);
  }
}
