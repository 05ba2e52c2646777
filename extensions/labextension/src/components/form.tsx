/** The form of a job: all of it on one page, the usual case filled in. */
import * as React from 'react';

import { unreadable } from '../draft.ts';
import type { Draft } from '../draft.ts';
import { problemText, sortErrors } from '../problems.ts';
import type { Problem, Sorted } from '../problems.ts';
import type { Finding, Form, Me, Said, Session } from '../types.ts';
import { useUi } from '../ui.ts';
import { BehaviourSection, NotifySection } from './behaviour.tsx';
import { EnvironmentSection } from './environment.tsx';
import { Choice, Errors, idOf, Radios, TextField } from './field.tsx';
import { Findings } from './findings.tsx';
import { Parameters } from './parameters.tsx';
import { ScheduleSection } from './schedule.tsx';
import { Button } from './small.tsx';

interface Props {
  draft: Draft;
  form: Form;
  me: Me;
  session: Session | null;
  findings: Finding[];
  problem: Problem | null;
  editing: boolean;
  busy: boolean;
  prefix: string;
  onChange: (change: Partial<Draft>) => void;
  onSend: () => void;
  onLeave: () => void;
  onShowCell?: (cell: number) => void;
}

export function JobForm(props: Props): React.ReactElement {
  const { trans } = useUi();
  const { draft, form, me, onChange, editing, prefix } = props;
  const root = React.useRef<HTMLFormElement>(null);
  const [ownErrors, setOwnErrors] = React.useState<string[]>([]);
  const sorted = useSorted(props.problem, root, prefix);
  for (const field of ownErrors) {
    const said = trans.__('Write a number here.');
    sorted.beside[field] = [{ en: said, fr: said }];
  }
  const send = (event: React.FormEvent): void => {
    event.preventDefault();
    const wrong = unreadable(draft);
    setOwnErrors(wrong);
    if (wrong.length) {
      document.getElementById(idOf(prefix, wrong[0]))?.focus();
    } else {
      props.onSend();
    }
  };
  const used = me.limits.active_jobs;
  return (
    <Errors.Provider value={{ beside: sorted.beside, prefix }}>
      <form ref={root} className="nacelle-Form" onSubmit={send} noValidate>
        <Summary problem={props.problem} rest={sorted.rest} beside={sorted.beside} prefix={prefix} />
        <Findings
          findings={props.findings}
          override={draft.override}
          onOverride={override => onChange({ override })}
          onShowCell={props.onShowCell}
        />
        <fieldset className="nacelle-Section">
          <legend>{trans.__('Job')}</legend>
          <div className="nacelle-Grid">
            <TextField
              name="name"
              label={trans.__('Name')}
              value={draft.name}
              required
              maxLength={80}
              onChange={name => onChange({ name })}
            />
            {me.projects.length > 0 && !editing && (
              <Choice
                name="project"
                label={trans.__('For')}
                value={draft.project}
                onChange={project => onChange({ project })}
                choices={[
                  ['', trans.__('myself: outputs go to my bucket')],
                  ...me.projects.map((name): [string, string] => [
                    name,
                    trans.__('the project %1', name)
                  ])
                ]}
                help={trans.__('It runs as you either way.')}
              />
            )}
          </div>
        </fieldset>
        <Parameters form={form} values={draft.values} onChange={values => onChange({ values })} />
        <ScheduleSection draft={draft} onChange={onChange} />
        <EnvironmentSection draft={draft} me={me} session={props.session} onChange={onChange} />
        <details className="nacelle-More" open={hasErrors(sorted, ['timeout', 'retry', 'overlap', 'missed', 'notify']) || undefined}>
          <summary>{trans.__('Time limit, retries, overlaps, whom to tell')}</summary>
          <BehaviourSection draft={draft} me={me} onChange={onChange} />
          <NotifySection draft={draft} me={me} onChange={onChange} />
        </details>
        <FirstRun draft={draft} editing={editing} onChange={onChange} />
        <div className="nacelle-Bar">
          <Button type="submit" kind="action" disabled={props.busy}>
            {editing ? trans.__('Save') : trans.__('Promote')}
          </Button>
          <Button onClick={props.onLeave}>{trans.__('Cancel')}</Button>
          <span role="status">{props.busy ? trans.__('Sending …') : ''}</span>
          {!editing && (
            <span className="nacelle-Help">
              {trans.__('%1 of %2 active jobs used', used.used, used.limit)}
            </span>
          )}
        </div>
      </form>
    </Errors.Provider>
  );
}

function FirstRun(props: {
  draft: Draft;
  editing: boolean;
  onChange: (change: Partial<Draft>) => void;
}): React.ReactElement {
  const { trans } = useUi();
  const { draft } = props;
  return (
    <fieldset className="nacelle-Section">
      <legend>{trans.__('First')}</legend>
      <Radios
        name="first"
        label={props.editing ? trans.__('When you save') : trans.__('When you promote')}
        value={draft.first}
        onChange={first => props.onChange({ first: first as Draft['first'] })}
        choices={[
          [
            'run',
            trans.__('run it once now'),
            draft.scheduled
              ? trans.__('only a success arms the schedule')
              : trans.__('you see at once whether it works')
          ],
          ...(draft.scheduled
            ? [['arm', trans.__('arm the schedule without a first run')] as [string, string]]
            : []),
          [
            'nothing',
            props.editing ? trans.__('only save it') : trans.__('only keep it, as a draft'),
            props.editing
              ? trans.__('what it runs was changed? then it is a draft until a run succeeds')
              : ''
          ]
        ]}
      />
    </fieldset>
  );
}

/** What is wrong, in one place, with ways to the fields. */
function Summary(props: {
  problem: Problem | null;
  rest: Said[];
  beside: Record<string, Said[]>;
  prefix: string;
}): React.ReactElement | null {
  const { trans, say } = useUi();
  const { problem, rest, beside } = props;
  if (!problem) {
    return null;
  }
  const fields = Object.entries(beside);
  return (
    <div
      className="nacelle-Note nacelle-mod-error nacelle-Summary"
      role="alert"
      tabIndex={-1}
      id={idOf(props.prefix, 'summary')}
    >
      <h3>{trans.__('This could not be taken in')}</h3>
      {!fields.length && !rest.length && <p>{problemText(problem, say)}</p>}
      {rest.map(one => (
        <p key={one.en}>{say(one)}</p>
      ))}
      {fields.length > 0 && (
        <ul>
          {fields.flatMap(([field, said]) =>
            said.map(one => (
              <li key={field + one.en}>
                <a href={`#${idOf(props.prefix, field)}`} onClick={go(idOf(props.prefix, field))}>
                  {say(one)}
                </a>
              </li>
            ))
          )}
        </ul>
      )}
      {problem.request_id && (
        <p className="nacelle-Faint">{trans.__('Request %1', problem.request_id)}</p>
      )}
    </div>
  );
}

function go(id: string): (event: React.MouseEvent) => void {
  return event => {
    // Lab's address must not change.
    event.preventDefault();
    document.getElementById(id)?.focus();
  };
}

function useSorted(
  problem: Problem | null,
  root: React.RefObject<HTMLFormElement>,
  prefix: string
): Sorted {
  const [names, setNames] = React.useState<string[]>([]);
  React.useEffect(() => {
    // Only what stands on the page can have an error beside it.
    const ids = root.current?.querySelectorAll<HTMLElement>(`[id^="${prefix}-"]`) ?? [];
    setNames([...ids].map(one => one.id));
    if (problem) {
      document.getElementById(idOf(prefix, 'summary'))?.focus();
    }
  }, [problem]);
  const errors = problem?.errors ?? [];
  const candidates = errors.flatMap(error => around(error.field));
  return sortErrors(
    errors,
    candidates.filter(name => names.includes(idOf(prefix, name)))
  );
}

/** The names under which an error may stand: its own, those around it, those beside. */
function around(field: string): string[] {
  const known: Record<string, string> = {
    schedule: 'schedule.cron',
    retry: 'retry.count',
    missed: 'missed.policy',
    notify: 'notify.when',
    environment: 'environment.profile',
    cron: 'schedule.cron',
    zone: 'schedule.zone'
  };
  const names = [`parameters.${field}`, field];
  for (let name = field; name.includes('.'); ) {
    name = name.replace(/\.[^.]*$/, '');
    names.push(name);
  }
  return [...names, ...names.flatMap(name => known[name] ?? [])];
}

function hasErrors(sorted: Sorted, starts: string[]): boolean {
  return Object.keys(sorted.beside).some(field => starts.some(start => field.startsWith(start)));
}
