/** A control with its label, its help and what is wrong with it. */
import * as React from 'react';

import type { Said } from '../types.ts';
import { useUi } from '../ui.ts';

/** Errors by field, and a prefix that keeps ids of two open forms apart. */
export const Errors = React.createContext<{ beside: Record<string, Said[]>; prefix: string }>({
  beside: {},
  prefix: ''
});

export function idOf(prefix: string, field: string): string {
  return `${prefix}-${field.replace(/[^\w-]/g, '-')}`;
}

export interface Aria {
  id: string;
  'aria-describedby'?: string;
  'aria-invalid'?: true;
}

interface FieldProps {
  name: string;
  label: string;
  help?: React.ReactNode;
  children: (aria: Aria) => React.ReactNode;
  /** The control stands before its label, as a box to tick does. */
  box?: boolean;
}

export function Field(props: FieldProps): React.ReactElement {
  const { say } = useUi();
  const { beside, prefix } = React.useContext(Errors);
  const id = idOf(prefix, props.name);
  const errors = beside[props.name] ?? [];
  const described = [props.help && `${id}-help`, errors.length && `${id}-error`].filter(Boolean);
  const aria: Aria = {
    id,
    'aria-describedby': described.join(' ') || undefined,
    'aria-invalid': errors.length ? true : undefined
  };
  const label = <label htmlFor={id}>{props.label}</label>;
  return (
    <div className={`nacelle-Field ${props.box ? 'nacelle-mod-box' : ''}`}>
      {!props.box && label}
      {props.children(aria)}
      {props.box && label}
      {props.help && (
        <div className="nacelle-Help" id={`${id}-help`}>
          {props.help}
        </div>
      )}
      {errors.length > 0 && (
        <div className="nacelle-Error" id={`${id}-error`}>
          {errors.map(error => (
            <div key={error.en}>{say(error)}</div>
          ))}
        </div>
      )}
    </div>
  );
}

interface TextProps {
  name: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  help?: React.ReactNode;
  mode?: 'text' | 'numeric' | 'decimal' | 'email' | 'url';
  placeholder?: string;
  long?: boolean;
  required?: boolean;
  maxLength?: number;
}

export function TextField(props: TextProps): React.ReactElement {
  const shared = {
    value: props.value,
    placeholder: props.placeholder,
    required: props.required,
    maxLength: props.maxLength,
    className: 'jp-mod-styled',
    spellCheck: false,
    autoComplete: 'off'
  };
  return (
    <Field name={props.name} label={props.label} help={props.help}>
      {aria =>
        props.long ? (
          <textarea
            {...aria}
            {...shared}
            rows={Math.min(8, Math.max(2, props.value.split('\n').length))}
            onChange={event => props.onChange(event.target.value)}
          />
        ) : (
          <input
            {...aria}
            {...shared}
            type="text"
            inputMode={props.mode ?? 'text'}
            onChange={event => props.onChange(event.target.value)}
          />
        )
      }
    </Field>
  );
}

export function Choice(props: {
  name: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  choices: [string, string][];
  help?: React.ReactNode;
}): React.ReactElement {
  const known = props.choices.some(([value]) => value === props.value);
  return (
    <Field name={props.name} label={props.label} help={props.help}>
      {aria => (
        <select
          {...aria}
          className="jp-mod-styled"
          value={props.value}
          onChange={event => props.onChange(event.target.value)}
        >
          {!known && <option value={props.value}>{props.value}</option>}
          {props.choices.map(([value, word]) => (
            <option key={value} value={value}>
              {word}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Tick(props: {
  name: string;
  label: string;
  value: boolean;
  onChange: (value: boolean) => void;
  help?: React.ReactNode;
}): React.ReactElement {
  return (
    <Field name={props.name} label={props.label} help={props.help} box>
      {aria => (
        <input
          {...aria}
          type="checkbox"
          className="jp-mod-styled"
          checked={props.value}
          onChange={event => props.onChange(event.target.checked)}
        />
      )}
    </Field>
  );
}

/** One of a few, all to be seen, each with a sentence. */
export function Radios(props: {
  name: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  choices: [string, string, string?][];
}): React.ReactElement {
  const { prefix } = React.useContext(Errors);
  const id = idOf(prefix, props.name);
  return (
    <fieldset className="nacelle-Radios" id={id}>
      <legend>{props.label}</legend>
      {props.choices.map(([value, word, help]) => (
        <label key={value}>
          <input
            type="radio"
            name={id}
            value={value}
            checked={props.value === value}
            onChange={() => props.onChange(value)}
          />
          <span>
            {word}
            {help && <span className="nacelle-Help">{help}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
