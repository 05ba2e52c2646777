/** The side panel: where am I, what is happening, what can I do next. */
import * as React from 'react';

import type { JobsModel, Tab } from '../model.ts';
import type { JobState, RunState } from '../types.ts';
import { problemText } from '../problems.ts';
import { useUi } from '../ui.ts';
import { jobState, runState } from '../words.ts';
import { JobItem } from './job.tsx';
import { RunItem } from './run.tsx';
import { Button, Note } from './small.tsx';

const JOB_STATES: JobState[] = ['draft', 'armed', 'suspended'];
const RUN_STATES: RunState[] = [
  'pending',
  'running',
  'succeeded',
  'failed',
  'timed-out',
  'skipped',
  'cancelled'
];
const TYPING_MS = 250;

export function Panel({ model }: { model: JobsModel }): React.ReactElement {
  const { trans, say, actions } = useUi();
  return (
    <div className="nacelle-Panel">
      <div className="nacelle-Bar">
        <Button kind="action" onClick={actions.promote} disabled={!actions.canPromote()}>
          {trans.__('Promote this notebook')}
        </Button>
        <Button onClick={() => void model.refresh()}>{trans.__('Refresh')}</Button>
      </div>
      <Tabs model={model} />
      <FilterBar model={model} />
      {model.problem && (
        <Note kind="error">
          {problemText(model.problem, say) || trans.__('The lists cannot be had.')}
        </Note>
      )}
      <div
        role="tabpanel"
        id="nacelle-tabpanel"
        aria-labelledby={`nacelle-tab-${model.tab}`}
        tabIndex={-1}
      >
        {model.tab === 'jobs' ? <Jobs model={model} /> : <Runs model={model} />}
      </div>
      <p className="nacelle-Faint" role="status">
        {model.live ? trans.__('Shown as it happens') : trans.__('Looking every now and then')}
      </p>
    </div>
  );
}

function Tabs({ model }: { model: JobsModel }): React.ReactElement {
  const { trans } = useUi();
  const bar = React.useRef<HTMLDivElement>(null);
  const tabs: [Tab, string][] = [
    ['jobs', trans.__('Jobs (%1)', model.totals.jobs)],
    ['runs', trans.__('Runs (%1)', model.totals.runs)]
  ];
  const move = (event: React.KeyboardEvent): void => {
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      const other = model.tab === 'jobs' ? 'runs' : 'jobs';
      model.show(other);
      bar.current?.querySelector<HTMLElement>(`#nacelle-tab-${other}`)?.focus();
      event.preventDefault();
    }
  };
  return (
    <div
      ref={bar}
      className="nacelle-Tabs"
      role="tablist"
      aria-label={trans.__('What to list')}
      onKeyDown={move}
    >
      {tabs.map(([tab, word]) => (
        <button
          key={tab}
          type="button"
          role="tab"
          id={`nacelle-tab-${tab}`}
          aria-selected={model.tab === tab}
          aria-controls="nacelle-tabpanel"
          tabIndex={model.tab === tab ? 0 : -1}
          onClick={() => model.show(tab)}
        >
          {word}
        </button>
      ))}
    </div>
  );
}

function FilterBar({ model }: { model: JobsModel }): React.ReactElement {
  const { trans } = useUi();
  const { filter, tab } = model;
  const [text, setText] = React.useState(filter.search);
  React.useEffect(() => {
    const timer = setTimeout(() => {
      if (text !== model.filter.search) {
        model.narrow({ search: text });
      }
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const states: [string, string][] =
    tab === 'jobs'
      ? JOB_STATES.map(state => [state, jobState(state, trans)])
      : RUN_STATES.map(state => [state, runState(state, trans)]);
  const state = tab === 'jobs' ? filter.jobState : filter.runState;
  const choose = (value: string): void =>
    model.narrow(
      tab === 'jobs' ? { jobState: value as JobState | '' } : { runState: value as RunState | '' }
    );
  return (
    <div role="search" className="nacelle-Filter">
      <input
        type="search"
        className="jp-mod-styled"
        aria-label={trans.__('Search by name')}
        placeholder={trans.__('Search by name')}
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <select
        className="jp-mod-styled"
        aria-label={trans.__('State')}
        value={state}
        onChange={event => choose(event.target.value)}
      >
        <option value="">{trans.__('all states')}</option>
        {states.map(([value, word]) => (
          <option key={value} value={value}>
            {word}
          </option>
        ))}
      </select>
      {model.admin && (
        <label>
          <input
            type="checkbox"
            checked={filter.everybody}
            onChange={event => model.narrow({ everybody: event.target.checked })}
          />{' '}
          {trans.__('everybody’s')}
        </label>
      )}
      {tab === 'runs' && filter.job && (
        <Button onClick={() => model.narrow({ job: null })}>
          {trans.__('Only of %1 ×', filter.job.name)}
        </Button>
      )}
    </div>
  );
}

function Jobs({ model }: { model: JobsModel }): React.ReactElement {
  const { trans } = useUi();
  const { filter } = model;
  if (!model.jobs.length) {
    return filter.search || filter.jobState ? (
      <p>{trans.__('No job is like that.')}</p>
    ) : (
      <Empty model={model}>
        {trans.__(
          'A job is a notebook that runs by itself: every month at six, say, in the same environment, as you. Open a notebook that works and promote it.'
        )}
      </Empty>
    );
  }
  return (
    <>
      <ul className="nacelle-List" aria-label={trans.__('Jobs')}>
        {model.jobs.map(job => (
          <JobItem key={job.id} job={job} model={model} />
        ))}
      </ul>
      <More model={model} tab="jobs" shown={model.jobs.length} />
    </>
  );
}

function Runs({ model }: { model: JobsModel }): React.ReactElement {
  const { trans } = useUi();
  const { filter } = model;
  if (!model.runs.length) {
    return filter.search || filter.runState || filter.job ? (
      <p>{trans.__('No run is like that.')}</p>
    ) : (
      <Empty model={model}>
        {trans.__('Nothing has run yet. Each run of a job is listed here with its output and log.')}
      </Empty>
    );
  }
  return (
    <>
      <ul className="nacelle-List" aria-label={trans.__('Runs')}>
        {model.runs.map(run => (
          <RunItem key={run.id} run={run} />
        ))}
      </ul>
      <More model={model} tab="runs" shown={model.runs.length} />
    </>
  );
}

function Empty(props: { model: JobsModel; children: string }): React.ReactElement | null {
  const { trans } = useUi();
  if (!props.model.loaded) {
    return props.model.problem ? null : <p role="status">{trans.__('Asking …')}</p>;
  }
  return <p>{props.children}</p>;
}

function More(props: { model: JobsModel; tab: Tab; shown: number }): React.ReactElement | null {
  const { trans } = useUi();
  const total = props.model.totals[props.tab];
  if (props.shown >= total) {
    return null;
  }
  return (
    <Button onClick={() => props.model.more(props.tab)}>
      {trans.__('Show more (%1 of %2)', props.shown, total)}
    </Button>
  );
}
