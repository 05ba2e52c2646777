/** A run in the panel. */
import * as React from 'react';

import { duration, taken } from '../times.ts';
import type { Run, RunView } from '../types.ts';
import { useAction, useUi } from '../ui.ts';
import { Disclosure } from './disclosure.tsx';
import { Button, Note, Progress, RunMark, When } from './small.tsx';

export function RunItem({ run }: { run: RunView }): React.ReactElement {
  const { trans } = useUi();
  const seconds = taken(run, Date.now());
  const summary = (
    <div className="nacelle-Summaryline">
      <When at={run.started ?? run.scheduled} />
      {run.ended && seconds !== null && ` · ${duration(seconds, trans)}`}
      {run.state === 'running' && run.progress && <Progress {...run.progress} />}
    </div>
  );
  return (
    <Disclosure name={run.id} title={run.job_name} aside={<RunMark state={run.state} />} summary={summary}>
      {() => <RunDetails run={run} />}
    </Disclosure>
  );
}

function RunDetails({ run }: { run: RunView }): React.ReactElement {
  const { trans, say } = useUi();
  return (
    <>
      <RunButtons run={run} />
      {run.exit && (
        <Note kind={run.state === 'succeeded' ? 'info' : 'warn'}>{say(run.exit.said)}</Note>
      )}
      <dl className="nacelle-Facts">
        <dt>{trans.__('Due')}</dt>
        <dd>
          <When at={run.scheduled} />
        </dd>
        {run.ended && (
          <>
            <dt>{trans.__('Ended')}</dt>
            <dd>
              <When at={run.ended} />
            </dd>
          </>
        )}
        <dt>{trans.__('Why')}</dt>
        <dd>
          <Cause run={run} />
        </dd>
        <dt>{trans.__('Owner')}</dt>
        <dd>
          {run.owner}
          {run.project && ` · ${trans.__('project %1', run.project)}`}
        </dd>
        {run.notebook && (
          <>
            <dt>{trans.__('Output')}</dt>
            <dd className="nacelle-Address">{run.notebook}</dd>
          </>
        )}
      </dl>
    </>
  );
}

function Cause({ run }: { run: Run }): React.ReactElement {
  const { trans } = useUi();
  const words: Record<Run['cause'], string> = {
    schedule: trans.__('its schedule'),
    manual: run.asked_by ? trans.__('%1 asked', run.asked_by) : trans.__('asked for'),
    first: trans.__('first run after promoting'),
    retry: trans.__('try number %1', run.attempt)
  };
  return <>{words[run.cause]}</>;
}

function RunButtons({ run }: { run: RunView }): React.ReactElement {
  const { api, trans, actions } = useUi();
  const action = useAction();
  const label = (words: string): { 'aria-label': string } => ({
    'aria-label': `${words}: ${run.job_name}`
  });
  return (
    <div className="nacelle-Bar" role="group" aria-label={trans.__('Actions on this run')}>
      {run.notebook && run.may.read && (
        <Button {...label(trans.__('Open output'))} onClick={() => actions.openOutput(run)}>
          {trans.__('Open output')}
        </Button>
      )}
      {run.html && run.may.read && (
        <Button {...label(trans.__('As a page'))} onClick={() => actions.openHtml(run)}>
          {trans.__('As a page')}
        </Button>
      )}
      {run.state !== 'skipped' && run.may.read && (
        <Button {...label(trans.__('Log'))} onClick={() => actions.openLog(run, run.job_name)}>
          {trans.__('Log')}
        </Button>
      )}
      {run.may.cancel && (
        <Button
          {...label(trans.__('Cancel'))}
          kind="danger"
          disabled={action.busy}
          onClick={() => action.run(() => api.cancel(run.id))}
        >
          {trans.__('Cancel')}
        </Button>
      )}
      {run.may.again && (
        <Button
          {...label(trans.__('Run again'))}
          disabled={action.busy}
          onClick={() => action.run(() => api.again(run.id))}
        >
          {trans.__('Run again')}
        </Button>
      )}
      {run.may.again && (
        <Button
          {...label(trans.__('With other values'))}
          onClick={() => actions.again({ id: run.job, name: run.job_name }, run.id)}
        >
          {trans.__('With other values …')}
        </Button>
      )}
    </div>
  );
}
