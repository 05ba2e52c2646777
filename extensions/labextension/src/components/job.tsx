/** A job in the panel. */
import * as React from 'react';

import type { JobsModel } from '../model.ts';
import { moment } from '../times.ts';
import type { JobView } from '../types.ts';
import { useAction, useUi } from '../ui.ts';
import { Disclosure } from './disclosure.tsx';
import { Button, JobMark, Note, RunMark, When } from './small.tsx';

export function JobItem(props: { job: JobView; model: JobsModel }): React.ReactElement {
  const { trans, say } = useUi();
  const { job } = props;
  const summary = (
    <div className="nacelle-Summaryline">
      {job.sentence ? say(job.sentence) : trans.__('on demand')}
      {job.state === 'armed' && job.next.length > 0 && (
        <>
          {' · '}
          {trans.__('next')} <When at={job.next[0]} />
        </>
      )}
      {job.last_run && (
        <>
          {' · '}
          {trans.__('last run')} <RunMark state={job.last_run.state} />
        </>
      )}
    </div>
  );
  return (
    <Disclosure name={job.id} title={job.name} aside={<JobMark state={job.state} />} summary={summary}>
      {() => <JobDetails {...props} />}
    </Disclosure>
  );
}

function JobDetails({ job, model }: { job: JobView; model: JobsModel }): React.ReactElement {
  const { trans, say, language } = useUi();
  return (
    <>
      <JobButtons job={job} model={model} />
      {job.suspension && (
        <Note kind="warn">
          {say(job.suspension.why)} ({job.suspension.by}, {moment(job.suspension.at, language)})
        </Note>
      )}
      {job.last_run?.exit && job.last_run.state !== 'succeeded' && (
        <Note kind="warn">{say(job.last_run.exit.said)}</Note>
      )}
      <dl className="nacelle-Facts">
        <dt>{trans.__('Notebook')}</dt>
        <dd>
          {job.notebook.path}
          {job.git && (
            <span className="nacelle-Faint">
              {' '}
              {job.git.commit.slice(0, 10)}
              {job.git.dirty && ` (${trans.__('with changes')})`}
            </span>
          )}
        </dd>
        <dt>{trans.__('Owner')}</dt>
        <dd>
          {job.owner}
          {job.project && ` · ${trans.__('project %1', job.project)}`}
        </dd>
        <dt>{trans.__('Environment')}</dt>
        <dd>
          {job.environment.profile} · {job.environment.kernel}
          {job.environment.packages.length > 0 &&
            ` · ${trans._n('%1 package', '%1 packages', job.environment.packages.length)}`}
        </dd>
        {Object.entries(job.parameters).map(([name, one]) => (
          <React.Fragment key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>{Array.isArray(one.value) ? one.value.join(', ') : String(one.value)}</dd>
          </React.Fragment>
        ))}
        {job.state === 'armed' && job.next.length > 1 && (
          <>
            <dt>{trans.__('Then')}</dt>
            <dd>
              {job.next.slice(1).map(time => (
                <div key={time}>
                  <When at={time} />
                </div>
              ))}
            </dd>
          </>
        )}
      </dl>
    </>
  );
}

function JobButtons({ job, model }: { job: JobView; model: JobsModel }): React.ReactElement {
  const { api, trans, actions } = useUi();
  const { busy, run } = useAction();
  const act = (action: () => Promise<unknown>): (() => void) => {
    return () => run(() => action().then(() => model.refresh()));
  };
  const label = (words: string): { 'aria-label': string } => ({
    'aria-label': `${words}: ${job.name}`
  });
  return (
    <div className="nacelle-Bar" role="group" aria-label={trans.__('Actions on %1', job.name)}>
      {job.may.run && (
        <Button
          {...label(trans.__('Run now'))}
          disabled={busy}
          onClick={act(() => api.runNow(job.id))}
        >
          {trans.__('Run now')}
        </Button>
      )}
      {job.may.run && job.may.edit && (
        <Button
          {...label(trans.__('Run with other values'))}
          onClick={() => actions.again(job, null)}
        >
          {trans.__('With other values …')}
        </Button>
      )}
      {job.may.suspend && job.state === 'armed' && (
        <Button
          {...label(trans.__('Suspend'))}
          disabled={busy}
          onClick={act(() => api.act(job.id, 'suspend'))}
        >
          {trans.__('Suspend')}
        </Button>
      )}
      {job.may.suspend && job.state === 'suspended' && (
        <Button
          {...label(trans.__('Resume'))}
          disabled={busy}
          onClick={act(() => api.act(job.id, 'resume'))}
        >
          {trans.__('Resume')}
        </Button>
      )}
      {job.may.edit && job.state === 'draft' && job.schedule && (
        <Button
          {...label(trans.__('Arm'))}
          disabled={busy}
          onClick={act(() => api.act(job.id, 'arm'))}
        >
          {trans.__('Arm')}
        </Button>
      )}
      <Button
        {...label(trans.__('Runs'))}
        onClick={() => {
          model.narrow({ job: { id: job.id, name: job.name } });
          model.show('runs');
          document.getElementById('nacelle-tab-runs')?.focus();
        }}
      >
        {trans.__('Runs')}
      </Button>
      {job.may.edit && (
        <Button {...label(trans.__('Edit'))} onClick={() => actions.edit(job)}>
          {trans.__('Edit')}
        </Button>
      )}
      <Button
        {...label(trans.__('Equivalent'))}
        disabled={busy}
        onClick={() => run(() => actions.showEquivalent(job))}
      >
        {trans.__('Equivalent')}
      </Button>
      {job.may.delete && (
        <Button
          {...label(trans.__('Delete'))}
          kind="danger"
          disabled={busy}
          onClick={act(() => actions.remove(job))}
        >
          {trans.__('Delete')}
        </Button>
      )}
    </div>
  );
}
