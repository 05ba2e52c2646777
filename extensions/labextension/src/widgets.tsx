/** The pages as Lab's widgets. */
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Again } from './components/again.tsx';
import { EquivalentOf } from './components/done.tsx';
import { Log } from './components/log.tsx';
import { Panel } from './components/panel.tsx';
import { Promote } from './components/promote.tsx';
import type { NotebookSource } from './components/promote.tsx';
import type { JobsModel } from './model.ts';
import type { JobView, Run } from './types.ts';
import { UiProvider } from './ui.ts';
import type { Shared } from './ui.ts';

/** A part of the page within the shared words and actions. */
function page(shared: Shared, content: React.ReactElement): ReactWidget {
  const widget = ReactWidget.create(<UiProvider value={shared}>{content}</UiProvider>);
  widget.addClass('nacelle-Widget');
  return widget;
}

export function panelWidget(shared: Shared, model: JobsModel): ReactWidget {
  return page(
    shared,
    <UseSignal signal={model.changed}>{() => <Panel model={model} />}</UseSignal>
  );
}

let forms = 0;

export function promoteWidget(
  shared: Shared,
  source: NotebookSource,
  job: string | null,
  leave: () => void,
  edit: (job: JobView) => void
): ReactWidget {
  const prefix = `nacelle-form-${++forms}`;
  return page(
    shared,
    <Promote source={source} job={job} prefix={prefix} onLeave={leave} onEdit={edit} />
  );
}

export function againWidget(
  shared: Shared,
  job: string,
  run: string | null,
  leave: () => void
): ReactWidget {
  const prefix = `nacelle-form-${++forms}`;
  return page(shared, <Again job={job} run={run} prefix={prefix} onLeave={leave} />);
}

export function logWidget(shared: Shared, run: Run, name: string): ReactWidget {
  return page(shared, <Log run={run} name={name} />);
}

export function equivalentWidget(shared: Shared, job: string): ReactWidget {
  return page(shared, <EquivalentOf job={job} />);
}
