// A command to run in a terminal, with a button that copies it.
import { useEffect, useState } from "react";

const SHOW_COPIED_MS = 2_000;

export function CommandLine({ command, name }: { command: string; name: string }) {
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => {
      setCopied(false);
    }, SHOW_COPIED_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [copied]);

  const copy = () => {
    // Without permission (or outside a secure context) the text can still be selected by hand.
    const done = (navigator as Partial<Navigator>).clipboard?.writeText(command);
    done?.then(
      () => {
        setCopied(true);
      },
      () => undefined,
    );
  };

  return (
    <div className="command">
      <pre tabIndex={0} role="region" aria-label={name}>
        <code>{command}</code>
      </pre>
      <button type="button" className="button" onClick={copy} aria-label={`Copy: ${name}`}>
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
