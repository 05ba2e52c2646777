/** What the buttons of the pages do beyond their own page. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, Dialog, MainAreaWidget, Notification, showDialog } from '@jupyterlab/apputils';
import type { Widget } from '@lumino/widgets';

import type { Api } from './api.ts';
import { EDIT, PROMOTE, SHOW_JOBS } from './commands.ts';
import { jobsIcon } from './icons.ts';
import type { JobsModel } from './model.ts';
import { asProblem, problemText } from './problems.ts';
import { browserPath } from './source.ts';
import type { JobView, Run } from './types.ts';
import type { Actions, Shared } from './ui.ts';
import { againWidget, equivalentWidget, logWidget } from './widgets.tsx';
import { inLanguage } from './words.ts';
import type { Words } from './words.ts';

export function makeActions(
  app: JupyterFrontEnd,
  api: Api,
  model: JobsModel,
  trans: Words,
  language: string
): Actions {
  const { commands, shell } = app;
  const shared = (): Shared => ({ api, trans, language, actions });

  const openHtml = (run: Run): void => {
    window.open(api.htmlAddress(run.id), '_blank', 'noopener');
  };

  /** A tab in the main area; the one that is there already comes to the front. */
  const open = (id: string, label: string, make: (leave: () => void) => Widget): void => {
    if (![...shell.widgets('main')].some(one => one.id === id)) {
      const tab = new MainAreaWidget({ content: make(() => tab.close()) });
      tab.id = id;
      tab.toolbar.hide();
      tab.title.label = label;
      tab.title.icon = jobsIcon;
      tab.title.closable = true;
      shell.add(tab, 'main');
    }
    shell.activateById(id);
  };

  const actions: Actions = {
    promote: () => void commands.execute(PROMOTE),
    canPromote: () => commands.hasCommand(PROMOTE) && commands.isEnabled(PROMOTE),
    edit: job => void commands.execute(EDIT, { id: job.id, path: job.notebook.path }),
    showJobs: () => void commands.execute(SHOW_JOBS),
    openHtml,
    openOutput: run => {
      const path = browserPath(run.notebook ?? '');
      commands.execute('docmanager:open', { path, factory: 'Notebook' }).catch(() => {
        // The bucket may be away or the file moved; the service has a page of it.
        openHtml(run);
      });
    },
    openLog: (run, name) => {
      open(`nacelle-log-${run.id}`, trans.__('Log: %1', name), () =>
        logWidget(shared(), run, name)
      );
    },
    again: (job, run) => {
      open(`nacelle-again-${run ?? job.id}`, trans.__('Run: %1', job.name), leave =>
        againWidget(shared(), job.id, run, leave)
      );
    },
    remove: job => remove(job),
    showEquivalent: async job => {
      await showDialog({
        title: trans.__('Equivalent of %1', job.name),
        body: equivalentWidget(shared(), job.id),
        buttons: [Dialog.okButton({ label: trans.__('Close') })]
      });
    },
    copy: async text => {
      Clipboard.copyToSystem(text);
    },
    failed: error => {
      const problem = asProblem(error);
      Notification.error(problemText(problem, said => inLanguage(said, language)), {
        autoClose: 8000
      });
    }
  };

  async function remove(job: JobView): Promise<void> {
    const answer = await showDialog({
      title: trans.__('Delete the job %1?', job.name),
      body: trans.__(
        'It never runs again, and the list of its runs and their logs here are gone. What its runs wrote to the bucket stays.'
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Keep it') }),
        Dialog.warnButton({ label: trans.__('Delete') })
      ],
      defaultButton: 0
    });
    if (answer.button.accept) {
      const { kept } = await api.deleteJob(job.id);
      Notification.success(inLanguage(kept, language), { autoClose: 8000 });
      await model.refresh();
    }
  }

  return actions;
}
