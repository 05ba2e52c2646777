/** A notebook as the form needs it: open in Lab, or only lying in its folder. */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';

import type { NotebookSource } from './components/promote.tsx';

/** The notebook at a path, with its open panel if there is one. */
export function sourceOf(
  path: string,
  tracker: INotebookTracker,
  contents: Contents.IManager,
  activate: (id: string) => void
): NotebookSource {
  const open = (): NotebookPanel | undefined => tracker.find(one => one.context.path === path);
  return {
    path,
    kernel: () => {
      const session = open()?.sessionContext;
      return session?.session?.kernel?.name || session?.kernelPreference.name || '';
    },
    read: async () => {
      const panel = open();
      if (panel?.context.model.dirty && !panel.context.model.readOnly) {
        // What is promoted is what one sees.
        await panel.context.save();
      }
      // As text: the job keeps the very bytes of the file.
      const file = await contents.get(path, { type: 'file', format: 'text', content: true });
      return file.content as string;
    },
    showCell: cell => {
      const panel = open();
      const widget = panel?.content.widgets[cell - 1];
      if (panel && widget) {
        activate(panel.id);
        panel.content.activeCellIndex = cell - 1;
        void panel.content.scrollToCell(widget);
      }
    }
  };
}

/** Where Lab's file browser finds what lies in a store: `s3://bucket/key` is `bucket/key`. */
export function browserPath(address: string): string {
  return address.replace(/^s3:\/\//, '');
}
