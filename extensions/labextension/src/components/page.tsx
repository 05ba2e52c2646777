/** A page in the main area: its title has the focus when it opens. */
import * as React from 'react';

export function Page(props: {
  title: string;
  path: string;
  children: React.ReactNode;
}): React.ReactElement {
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), [props.title]);
  return (
    <div className="nacelle-Page">
      <h2 ref={heading} tabIndex={-1}>
        {props.title}
      </h2>
      {props.path && <p className="nacelle-Faint">{props.path}</p>}
      {props.children}
    </div>
  );
}
