/** From a notebook to a job: brings the notebook, asks, sends, and says what happens then. */
import * as React from 'react';

import { bodyOf, draftOf, newDraft, withNotebook } from '../draft.ts';
import type { Draft } from '../draft.ts';
import { asProblem, KEYS_FOUND, problemText } from '../problems.ts';
import type { Problem } from '../problems.ts';
import type { Brought, Finding, Form, JobView, MadeJob, Me, Session } from '../types.ts';
import { useUi } from '../ui.ts';
import { Done } from './done.tsx';
import { JobForm } from './form.tsx';
import { Page } from './page.tsx';
import { Button, Note } from './small.tsx';

/** Where the notebook comes from: its path, and its text as it is saved. */
export interface NotebookSource {
  path: string;
  read(): Promise<string>;
  kernel(): string;
  showCell?(cell: number): void;
}

interface Ready {
  me: Me;
  draft: Draft;
  form: Form;
  findings: Finding[];
  session: Session | null;
  job: JobView | null;
  /** Jobs of mine that this notebook is already. */
  same: JobView[];
}

interface Props {
  source: NotebookSource;
  /** The job to change; none for a new one. */
  job: string | null;
  prefix: string;
  onLeave: () => void;
  onEdit: (job: JobView) => void;
}

const NO_SESSION: Session = { packages: [], unfrozen: [], git: null, profile: null };

export function Promote(props: Props): React.ReactElement {
  const { api, trans, say, actions } = useUi();
  const { source } = props;
  const [ready, setReady] = React.useState<Ready | null>(null);
  const [problem, setProblem] = React.useState<Problem | null>(null);
  const [busy, setBusy] = React.useState(false);
  const [done, setDone] = React.useState<MadeJob | null>(null);

  const load = (): void => {
    setProblem(null);
    const loading = props.job ? loadJob(props.job) : loadNew();
    loading.then(setReady, error => setProblem(asProblem(error)));
  };
  React.useEffect(load, []);

  const loadNew = async (): Promise<Ready> => {
    const [me, brought] = await Promise.all([api.me(), bring()]);
    const session = await sessionOf(brought);
    const found = await api.jobs({ search: brought.path.split('/').pop(), limit: 50 });
    const same = found.jobs.filter(one => one.mine && one.notebook.path === brought.path);
    const draft = newDraft(brought, me, session);
    return { me, draft, form: brought.form, findings: brought.findings, session, job: null, same };
  };

  const loadJob = async (id: string): Promise<Ready> => {
    const [me, job] = await Promise.all([api.me(), api.job(id)]);
    const form = job.form ?? { fields: [], cell: null, problem: null };
    const draft = draftOf(job, form);
    return { me, draft, form, findings: [], session: null, job, same: [] };
  };

  const bring = async (): Promise<Brought> => api.bring(source.path, await source.read());

  const sessionOf = (brought: Brought): Promise<Session> =>
    // What the session has besides is worth telling, and no reason to fail.
    api.session(source.path, brought.kernel || source.kernel()).catch(() => NO_SESSION);

  const takeAnew = async (): Promise<void> => {
    if (!ready) {
      return;
    }
    setBusy(true);
    setProblem(null);
    try {
      const brought = await bring();
      const session = await sessionOf(brought);
      const draft = withNotebook(ready.draft, brought, session);
      setReady({ ...ready, draft, form: brought.form, findings: brought.findings, session });
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
  };

  const send = async (): Promise<void> => {
    if (!ready) {
      return;
    }
    setBusy(true);
    setProblem(null);
    const body = bodyOf(ready.draft, ready.form);
    try {
      if (ready.job) {
        // Whose it is, is not changed by editing.
        const { project, ...change } = body;
        setDone(await api.changeJob(ready.job.id, change));
      } else {
        setDone(await api.addJob(body));
      }
    } catch (error) {
      const found = asProblem(error);
      setProblem(found);
      if (found.type === KEYS_FOUND && found.findings) {
        setReady({ ...ready, findings: found.findings });
      }
    }
    setBusy(false);
  };

  if (done) {
    return (
      <Page title={props.job ? trans.__('Saved') : trans.__('Promoted')} path={source.path}>
        <Done job={done.job} run={done.run} onLeave={props.onLeave} />
      </Page>
    );
  }
  const title = props.job
    ? trans.__('Edit the job %1', ready?.job?.name ?? '')
    : trans.__('Promote to a job');
  if (!ready) {
    return (
      <Page title={title} path={source.path}>
        {problem ? (
          <>
            <Note kind="error">
              {problem.errors?.length
                ? problem.errors.map(one => <p key={one.en}>{say(one)}</p>)
                : problemText(problem, say)}
            </Note>
            <div className="nacelle-Bar">
              <Button kind="action" onClick={load}>
                {trans.__('Try again')}
              </Button>
              <Button onClick={props.onLeave}>{trans.__('Close')}</Button>
            </div>
          </>
        ) : (
          <p role="status">{trans.__('Reading the notebook …')}</p>
        )}
      </Page>
    );
  }
  return (
    <Page title={title} path={source.path}>
      {ready.same.length > 0 && (
        <Note>
          <p>{trans.__('This notebook is a job already. Change that one instead?')}</p>
          <div className="nacelle-Bar">
            {ready.same.map(job => (
              <Button key={job.id} onClick={() => props.onEdit(job)}>
                {trans.__('Edit %1', job.name)}
              </Button>
            ))}
          </div>
        </Note>
      )}
      {ready.job && (
        <Note>
          <p>{trans.__('The job runs the notebook as it was when it was promoted.')}</p>
          <div className="nacelle-Bar">
            <Button onClick={() => void takeAnew()} disabled={busy}>
              {trans.__('Take the notebook as it is now')}
            </Button>
            <span role="status">
              {ready.draft.notebook.sha256 !== ready.job.notebook.sha256
                ? trans.__('taken; save to make it the job’s')
                : ''}
            </span>
          </div>
        </Note>
      )}
      <JobForm
        draft={ready.draft}
        form={ready.form}
        me={ready.me}
        session={ready.session}
        findings={ready.findings}
        problem={problem}
        editing={ready.job !== null}
        busy={busy}
        prefix={props.prefix}
        onChange={change => setReady(now => now && { ...now, draft: { ...now.draft, ...change } })}
        onSend={() => void send()}
        onLeave={props.onLeave}
        onShowCell={source.showCell?.bind(source)}
      />
      <p className="nacelle-Help">
        <button type="button" className="nacelle-Link" onClick={actions.showJobs}>
          {trans.__('Jobs and runs are in the panel at the left.')}
        </button>
      </p>
    </Page>
  );
}
