/** An entry of a list that opens to show more of itself. */
import * as React from 'react';

// What was open stays so when its list is left and shown again.
const opened = new Set<string>();

export function Disclosure(props: {
  name: string;
  title: string;
  aside: React.ReactNode;
  summary: React.ReactNode;
  children: () => React.ReactNode;
}): React.ReactElement {
  const [open, setOpen] = React.useState(opened.has(props.name));
  const id = React.useId();
  return (
    <li className="nacelle-Item">
      <div className="nacelle-Head">
        <h3>
          <button
            type="button"
            className="nacelle-Toggle"
            aria-expanded={open}
            aria-controls={id}
            onClick={() => {
              opened[open ? 'delete' : 'add'](props.name);
              setOpen(!open);
            }}
          >
            <span aria-hidden="true">{open ? '▾' : '▸'}</span> {props.title}
          </button>
        </h3>
        {props.aside}
      </div>
      {props.summary}
      <div id={id} hidden={!open}>
        {open && props.children()}
      </div>
    </li>
  );
}
