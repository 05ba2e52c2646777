/** A run's log, read on while it runs. */
import * as React from 'react';

import { asProblem, ServiceError } from '../problems.ts';
import type { Run } from '../types.ts';
import { useUi } from '../ui.ts';
import { Button, Note, Progress, RunMark } from './small.tsx';

const ASK_MS = 1_500;
const ENDS = ['succeeded', 'failed', 'timed-out', 'skipped', 'cancelled'];

export function Log(props: { run: Run; name: string }): React.ReactElement {
  const { trans, say, actions } = useUi();
  const { run, text, problem } = useLog(props.run);
  const end = React.useRef<HTMLDivElement>(null);
  const [follow, setFollow] = React.useState(true);
  React.useEffect(() => {
    if (follow) {
      end.current?.scrollIntoView({ block: 'end' });
    }
  }, [text, follow]);
  return (
    <div className="nacelle-Page nacelle-LogPage">
      <h2 tabIndex={-1}>{trans.__('Log of %1', props.name)}</h2>
      <div className="nacelle-Bar">
        <RunMark state={run.state} />
        {run.state === 'running' && run.progress && <Progress {...run.progress} />}
        {run.notebook && (
          <Button onClick={() => actions.openOutput(run)}>{trans.__('Open output')}</Button>
        )}
        <label>
          <input
            type="checkbox"
            checked={follow}
            onChange={event => setFollow(event.target.checked)}
          />{' '}
          {trans.__('follow')}
        </label>
      </div>
      {run.exit && run.state !== 'succeeded' && <Note kind="warn">{say(run.exit.said)}</Note>}
      {problem && <Note kind="error">{problem}</Note>}
      <pre
        className="nacelle-Log"
        role="log"
        aria-label={trans.__('Log')}
        aria-live="off"
        tabIndex={0}
      >
        {text || trans.__('Nothing is written yet.')}
        <div ref={end} />
      </pre>
    </div>
  );
}

function useLog(first: Run): { run: Run; text: string; problem: string } {
  const { api } = useUi();
  const [run, setRun] = React.useState(first);
  const [text, setText] = React.useState('');
  const [problem, setProblem] = React.useState('');
  React.useEffect(() => {
    let timer = 0;
    let offset = 0;
    let stopped = false;
    const ask = async (): Promise<void> => {
      let ended = false;
      try {
        // The run first: what it wrote before its end is then all there.
        const now = await api.run(first.id);
        const piece = await api.log(first.id, offset);
        if (stopped) {
          return;
        }
        offset = piece.next;
        ended = ENDS.includes(now.state) && !piece.text;
        setRun(now);
        setText(old => old + piece.text);
        setProblem('');
      } catch (error) {
        const missing = error instanceof ServiceError && error.status === 404;
        setProblem(missing ? '' : (asProblem(error).detail ?? ''));
      }
      if (!ended && !stopped) {
        timer = window.setTimeout(ask, ASK_MS);
      }
    };
    void ask();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [first.id]);
  return { run, text, problem };
}
