/** What happens after a job was sent, and how a program would have done it. */
import * as React from 'react';

import type { Equivalent, JobView, Run } from '../types.ts';
import { useUi } from '../ui.ts';
import type { Words } from '../words.ts';
import { Button, CopyText, JobMark, Note, Progress, RunMark, When } from './small.tsx';

const ASK_MS = 1_000;
const ENDS = ['succeeded', 'failed', 'timed-out', 'skipped', 'cancelled'];

export function Done(props: {
  job: JobView;
  run: Run | null;
  onLeave: () => void;
}): React.ReactElement {
  const { trans, say, actions } = useUi();
  const { job, run } = useFirstRun(props.job, props.run);
  return (
    <>
      <section aria-live="polite">
        <p>
          <strong>{job.name}</strong> <JobMark state={job.state} />
        </p>
        {run && (
          <p>
            {trans.__('Its run:')} <RunMark state={run.state} />{' '}
            {run.state === 'running' && run.progress && <Progress {...run.progress} />}
          </p>
        )}
        {run?.exit && run.state !== 'succeeded' && <Note kind="warn">{say(run.exit.said)}</Note>}
        <p>{what(job, run, trans)}</p>
        {job.state === 'armed' && job.next.length > 0 && (
          <p>
            {job.sentence && `${say(job.sentence)} · `}
            {trans.__('Next:')}{' '}
            <When at={job.next[0]} zone={job.schedule?.zone} />
          </p>
        )}
      </section>
      <div className="nacelle-Bar">
        <Button kind="action" onClick={actions.showJobs}>
          {trans.__('Show jobs and runs')}
        </Button>
        {run?.notebook && ENDS.includes(run.state) && (
          <Button onClick={() => actions.openOutput(run)}>{trans.__('Open the output')}</Button>
        )}
        {run && <Button onClick={() => actions.openLog(run, job.name)}>{trans.__('Log')}</Button>}
        {run?.state === 'failed' && (
          <Button onClick={() => actions.edit(job)}>{trans.__('Mend it')}</Button>
        )}
        <Button onClick={props.onLeave}>{trans.__('Close')}</Button>
      </div>
      <EquivalentOf job={job.id} />
    </>
  );
}

function what(job: JobView, run: Run | null, trans: Words): string {
  const over = run !== null && ENDS.includes(run.state);
  if (job.schedule && job.state === 'armed') {
    return trans.__('The schedule is armed.');
  }
  if (job.state === 'suspended') {
    return trans.__('The schedule is suspended.');
  }
  if (!run) {
    return trans.__('It is kept as a draft.');
  }
  if (!over) {
    return job.schedule
      ? trans.__('The schedule is armed when this run succeeds. You may close this page.')
      : trans.__('You may close this page.');
  }
  return run.state === 'succeeded'
    ? trans.__('It works.')
    : trans.__('It stays a draft until a run succeeds.');
}

/** The job and its first run, asked for until the run has ended. */
function useFirstRun(job: JobView, run: Run | null): { job: JobView; run: Run | null } {
  const { api } = useUi();
  const [now, setNow] = React.useState({ job, run });
  React.useEffect(() => {
    if (!run) {
      return;
    }
    let timer = 0;
    const ask = async (): Promise<void> => {
      try {
        const [newJob, newRun] = await Promise.all([api.job(job.id), api.run(run.id)]);
        setNow({ job: newJob, run: newRun });
        if (ENDS.includes(newRun.state)) {
          return;
        }
      } catch {
        // The service may be away for a moment; the panel says so.
      }
      timer = window.setTimeout(ask, ASK_MS);
    };
    timer = window.setTimeout(ask, ASK_MS);
    return () => clearTimeout(timer);
  }, [run?.id]);
  return now;
}

/** The command and the manifest that say the same, to copy. */
export function EquivalentOf(props: { job: string }): React.ReactElement | null {
  const { api, trans } = useUi();
  const [found, setFound] = React.useState<Equivalent | null>(null);
  React.useEffect(() => {
    api.equivalent(props.job).then(setFound, () => setFound(null));
  }, [props.job]);
  if (!found) {
    return null;
  }
  return (
    <section>
      <h3>{trans.__('Equivalent')}</h3>
      <CopyText label={trans.__('Command')} text={found.command} />
      <CopyText label={trans.__('Kubernetes manifest')} text={found.manifest} />
    </section>
  );
}
