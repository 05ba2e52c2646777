/** From a notebook to a scheduled job, in JupyterLab: the plugins. */
import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry, MainAreaWidget } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator } from '@jupyterlab/translation';
import { ToolbarButton } from '@jupyterlab/ui-components';
import { Token } from '@lumino/coreutils';

import { makeActions } from './actions.ts';
import { Api } from './api.ts';
import { EDIT, PROMOTE, SHOW_JOBS } from './commands.ts';
import { jobsIcon, promoteIcon } from './icons.ts';
import { Messages } from './messages.ts';
import { JobsModel } from './model.ts';
import { sourceOf } from './source.ts';
import { wordsFor } from './translate.ts';
import type { JobView } from './types.ts';
import type { Shared } from './ui.ts';
import { panelWidget, promoteWidget } from './widgets.tsx';

const PANEL = 'nacelle-jobs';

/** What the plugins share. */
interface Jobs extends Shared {
  model: JobsModel;
}

const Jobs = new Token<Jobs>('nacelle-lab:Jobs', 'The jobs service, as the pages use it.');

const service: JupyterFrontEndPlugin<Jobs> = {
  id: 'nacelle-lab:service',
  description: 'Keeps jobs and runs up to date.',
  autoStart: true,
  requires: [ITranslator],
  provides: Jobs,
  activate: (app: JupyterFrontEnd, translator: ITranslator) => {
    const trans = wordsFor(translator);
    const language = translator.languageCode;
    const api = new Api(app.serviceManager.serverSettings);
    const model = new JobsModel(api);
    const actions = makeActions(app, api, model, trans, language);
    return { api, model, trans, language, actions };
  }
};

const panel: JupyterFrontEndPlugin<void> = {
  id: 'nacelle-lab:panel',
  description: 'The side panel with jobs and runs.',
  autoStart: true,
  requires: [Jobs],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    jobs: Jobs,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    const { trans, model } = jobs;
    const widget = panelWidget(jobs, model);
    widget.id = PANEL;
    widget.title.icon = jobsIcon;
    widget.title.caption = trans.__('Jobs and runs');
    widget.node.setAttribute('role', 'region');
    widget.node.setAttribute('aria-label', trans.__('Jobs and runs'));
    app.shell.add(widget, 'left', { rank: 450, type: 'Nacelle' });
    restorer?.add(widget, PANEL);
    app.commands.addCommand(SHOW_JOBS, {
      label: trans.__('Show Jobs and Runs'),
      icon: jobsIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        app.shell.activateById(PANEL);
        void model.refresh();
      }
    });
    palette?.addItem({ command: SHOW_JOBS, category: trans.__('Jobs') });
    void app.restored.then(() => {
      model.start();
      void model.refresh();
    });
  }
};

const promote: JupyterFrontEndPlugin<void> = {
  id: 'nacelle-lab:promote',
  description: 'Makes a job of a notebook: toolbar, file menu, command palette.',
  autoStart: true,
  requires: [Jobs, INotebookTracker],
  optional: [ICommandPalette, IToolbarWidgetRegistry],
  activate: (
    app: JupyterFrontEnd,
    jobs: Jobs,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    toolbar: IToolbarWidgetRegistry | null
  ) => {
    const { trans, model } = jobs;
    const open = (path: string, job: string | null): void => {
      const id = job ? `nacelle-edit-${job}` : `nacelle-promote-${encodeURIComponent(path)}`;
      if (![...app.shell.widgets('main')].some(one => one.id === id)) {
        const source = sourceOf(path, tracker, app.serviceManager.contents, widget =>
          app.shell.activateById(widget)
        );
        const leave = (): void => page.close();
        const edit = (other: JobView): void => {
          leave();
          open(other.notebook.path, other.id);
        };
        const page = new MainAreaWidget({ content: promoteWidget(jobs, source, job, leave, edit) });
        const name = path.split('/').pop() ?? path;
        page.id = id;
        page.toolbar.hide();
        page.title.label = job ? trans.__('Edit job: %1', name) : trans.__('Promote: %1', name);
        page.title.icon = promoteIcon;
        page.title.closable = true;
        page.disposed.connect(() => void model.refresh());
        app.shell.add(page, 'main');
      }
      app.shell.activateById(id);
    };
    const current = (): string | undefined => tracker.currentWidget?.context.path;
    app.commands.addCommand(PROMOTE, {
      label: trans.__('Promote Notebook to a Scheduled Job…'),
      caption: trans.__('Make a job of this notebook: run it by itself, on a schedule'),
      icon: promoteIcon,
      isEnabled: args => Boolean(args.path) || current() !== undefined,
      describedBy: {
        args: {
          type: 'object',
          properties: { path: { type: 'string' } }
        }
      },
      execute: args => {
        const path = (args.path as string | undefined) ?? current();
        if (path) {
          open(path, null);
        }
      }
    });
    app.commands.addCommand(EDIT, {
      label: trans.__('Edit Job'),
      describedBy: {
        args: {
          type: 'object',
          properties: { id: { type: 'string' }, path: { type: 'string' } },
          required: ['id', 'path']
        }
      },
      isVisible: () => false,
      execute: args => open(String(args.path), String(args.id))
    });
    palette?.addItem({ command: PROMOTE, category: trans.__('Jobs') });
    // Named in schema/promote.json. A command there would show its picture alone.
    toolbar?.addFactory<NotebookPanel>(
      'Notebook',
      'promote',
      panel =>
        new ToolbarButton({
          label: trans.__('Promote'),
          icon: promoteIcon,
          tooltip: trans.__('Make a job of this notebook: run it by itself, on a schedule'),
          onClick: () => open(panel.context.path, null)
        })
    );
    tracker.currentChanged.connect(() => {
      app.commands.notifyCommandChanged(PROMOTE);
      model.touch();
    });
  }
};

const messages: JupyterFrontEndPlugin<void> = {
  id: 'nacelle-lab:messages',
  description: 'Tells when a run fails.',
  autoStart: true,
  requires: [Jobs],
  activate: (_: JupyterFrontEnd, jobs: Jobs) => {
    new Messages(jobs.api, jobs.actions, jobs.trans, jobs.language).follow(jobs.model);
  }
};

export default [service, panel, promote, messages];
