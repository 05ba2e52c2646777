/** One more run with other values: of a job, or of what a run of it ran. */
import * as React from 'react';

import { initial, toSend } from '../parameters.ts';
import type { TypedValues } from '../parameters.ts';
import { asProblem, problemText, sortErrors } from '../problems.ts';
import type { Problem } from '../problems.ts';
import type { Form, JobView, Run } from '../types.ts';
import { useUi } from '../ui.ts';
import { Done } from './done.tsx';
import { Errors, idOf } from './field.tsx';
import { Page } from './page.tsx';
import { Parameters } from './parameters.tsx';
import { Button, Note } from './small.tsx';

interface Props {
  job: string;
  /** The run to repeat; none: the job as it is. */
  run: string | null;
  prefix: string;
  onLeave: () => void;
}

export function Again(props: Props): React.ReactElement {
  const { api, trans, say } = useUi();
  const [ready, setReady] = React.useState<{ job: JobView; form: Form } | null>(null);
  const [values, setValues] = React.useState<TypedValues>({});
  const [problem, setProblem] = React.useState<Problem | null>(null);
  const [busy, setBusy] = React.useState(false);
  const [done, setDone] = React.useState<Run | null>(null);

  React.useEffect(() => {
    const load = async (): Promise<void> => {
      const job = await api.job(props.job);
      const given = props.run ? (await api.run(props.run)).parameters : job.parameters;
      const form = job.form ?? { fields: [], cell: null, problem: null };
      setValues(initial(form, given ?? {}));
      setReady({ job, form });
    };
    load().catch(error => setProblem(asProblem(error)));
  }, []);

  const send = async (event: React.FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    const parameters = toSend(ready!.form, values);
    try {
      setDone(
        props.run
          ? await api.again(props.run, parameters)
          : await api.runNow(props.job, parameters)
      );
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
  };

  const title = trans.__('Run with other values');
  if (done && ready) {
    return (
      <Page title={trans.__('It runs')} path={ready.job.name}>
        <Done job={ready.job} run={done} onLeave={props.onLeave} />
      </Page>
    );
  }
  const errors = problem?.errors ?? [];
  const sorted = sortErrors(
    errors,
    (ready?.form.fields ?? []).map(field => `parameters.${field.name}`)
  );
  return (
    <Page title={title} path={ready?.job.name ?? ''}>
      {problem && (
        <Note kind="error">
          {errors.length
            ? sorted.rest.concat(Object.values(sorted.beside).flat()).map(one => (
                <p key={one.en}>{say(one)}</p>
              ))
            : problemText(problem, say)}
        </Note>
      )}
      {!ready && !problem && <p role="status">{trans.__('Asking …')}</p>}
      {ready && (
        <Errors.Provider value={{ beside: sorted.beside, prefix: props.prefix }}>
          <form className="nacelle-Form" onSubmit={send} id={idOf(props.prefix, 'again')}>
            <p>{trans.__('For this run alone; the job keeps its own values.')}</p>
            <Parameters form={ready.form} values={values} onChange={setValues} />
            <div className="nacelle-Bar">
              <Button type="submit" kind="action" disabled={busy}>
                {trans.__('Run')}
              </Button>
              <Button onClick={props.onLeave}>{trans.__('Cancel')}</Button>
            </div>
          </form>
        </Errors.Provider>
      )}
    </Page>
  );
}
