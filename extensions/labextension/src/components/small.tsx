/** Small parts of the page. */
import * as React from 'react';

import { browserZone, moment } from '../times.ts';
import type { JobState, RunState } from '../types.ts';
import { useUi } from '../ui.ts';
import { jobState, runState } from '../words.ts';

/** A moment in the reader's zone, or on the clock of `zone`; the zone on hover. */
export function When(props: { at: string; zone?: string }): React.ReactElement {
  const { language } = useUi();
  const zone = props.zone ?? browserZone();
  const elsewhere = zone === browserZone() ? '' : `; ${moment(props.at, language)} (${browserZone()})`;
  return (
    <time dateTime={props.at} title={`${zone}${elsewhere}`}>
      {moment(props.at, language, zone)}
    </time>
  );
}

// A shape beside the word: colour alone tells nothing to many.
const SHAPES: Record<JobState | RunState, string> = {
  draft: '○',
  armed: '●',
  suspended: '‖',
  pending: '…',
  running: '▶',
  succeeded: '✓',
  failed: '✕',
  'timed-out': '✕',
  skipped: '–',
  cancelled: '–'
};

function Mark(props: { state: JobState | RunState; word: string }): React.ReactElement {
  return (
    <span className={`nacelle-Mark nacelle-mod-${props.state}`}>
      <span aria-hidden="true">{SHAPES[props.state]}</span> {props.word}
    </span>
  );
}

export function JobMark(props: { state: JobState }): React.ReactElement {
  return <Mark state={props.state} word={jobState(props.state, useUi().trans)} />;
}

export function RunMark(props: { state: RunState }): React.ReactElement {
  return <Mark state={props.state} word={runState(props.state, useUi().trans)} />;
}

export function Progress(props: { cell: number; of: number }): React.ReactElement {
  const { trans } = useUi();
  const words = trans.__('cell %1 of %2', props.cell, props.of);
  return (
    <span className="nacelle-Progress">
      <progress value={props.cell} max={props.of || 1} aria-label={words} />
      <span aria-hidden="true">{words}</span>
    </span>
  );
}

interface ButtonProps extends React.ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: 'action' | 'plain' | 'danger';
}

export function Button({ kind = 'plain', className, ...rest }: ButtonProps): React.ReactElement {
  const look = { action: 'jp-mod-accept', plain: '', danger: 'jp-mod-warn' }[kind];
  return (
    <button
      type="button"
      {...rest}
      className={`nacelle-Button jp-mod-styled ${look} ${className ?? ''}`}
    />
  );
}

/** Text to copy, with the button that copies it. */
export function CopyText(props: { label: string; text: string }): React.ReactElement {
  const { trans, actions } = useUi();
  const [copied, setCopied] = React.useState(false);
  const copy = (): void => {
    void actions.copy(props.text).then(() => setCopied(true));
  };
  return (
    <figure className="nacelle-Copy">
      <figcaption>
        <span>{props.label}</span>
        <Button onClick={copy} aria-label={trans.__('Copy: %1', props.label)}>
          {trans.__('Copy')}
        </Button>
        <span role="status">{copied ? trans.__('copied') : ''}</span>
      </figcaption>
      <pre tabIndex={0}>{props.text}</pre>
    </figure>
  );
}

/** A sentence that asks for attention. */
export function Note(props: {
  kind?: 'info' | 'warn' | 'error';
  children: React.ReactNode;
}): React.ReactElement {
  const kind = props.kind ?? 'info';
  return (
    <div className={`nacelle-Note nacelle-mod-${kind}`} role={kind === 'error' ? 'alert' : 'note'}>
      {props.children}
    </div>
  );
}
