/** What the parts of the page share: words, language, and ways to act. */
import * as React from 'react';

import type { Api } from './api.ts';
import { inLanguage } from './words.ts';
import type { Words } from './words.ts';
import type { JobView, Run, RunView, Said } from './types.ts';

export interface Actions {
  promote(): void;
  canPromote(): boolean;
  edit(job: JobView): void;
  /** Asks for other values, for one run of a job or for one more of a run. */
  again(job: { id: string; name: string }, run: string | null): void;
  openOutput(run: Run): void;
  openHtml(run: Run): void;
  openLog(run: RunView | Run, name: string): void;
  remove(job: JobView): Promise<void>;
  showEquivalent(job: { id: string; name: string }): Promise<void>;
  showJobs(): void;
  copy(text: string): Promise<void>;
  /** Says that something went wrong with an action. */
  failed(error: unknown): void;
}

export interface Shared {
  api: Api;
  trans: Words;
  language: string;
  actions: Actions;
}

const Context = React.createContext<Shared | null>(null);

export const UiProvider = Context.Provider;

export function useUi(): Shared & { say: (said: Said) => string } {
  const shared = React.useContext(Context)!;
  return { ...shared, say: said => inLanguage(said, shared.language) };
}

/** Runs an action once at a time; `busy` while it runs. */
export function useAction(): { busy: boolean; run: (action: () => Promise<unknown>) => void } {
  const { actions } = useUi();
  const [busy, setBusy] = React.useState(false);
  const run = (action: () => Promise<unknown>): void => {
    if (busy) {
      return;
    }
    setBusy(true);
    action()
      .catch(actions.failed)
      .finally(() => setBusy(false));
  };
  return { busy, run };
}
